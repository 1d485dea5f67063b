/**
 * What metrics of other libraries have counted that are no more, or have been reset.
 *
 * @module
 */
import type { CopiedTotal } from "./copied_total.ts";
import type { ProcessStore, Storable } from "./process_store.ts";
import type { MetricKind } from "./storage.ts";

const OF_STORES = new WeakMap<ProcessStore, EndedTotals>();

/** Those of a store: one total a sample, so that metrics may come and go without end. */
export function endedTotalsOf(store: ProcessStore): EndedTotals {
  let ended = OF_STORES.get(store);
  if (ended === undefined) {
    OF_STORES.set(store, ended = new EndedTotals());
    store.connect(ended);
  }
  return ended;
}

/** Totals that count nothing any more, and go along when another storage is opened. */
class EndedTotals implements Storable {
  private readonly totals = new Map<string, { readonly kind: MetricKind; total: CopiedTotal }>();

  /** Takes what was counted in a life that is over. */
  add(kind: MetricKind, total: CopiedTotal): void {
    const id = `${kind} ${total.key}`;
    this.totals.set(id, { kind, total: total.rest(this.totals.get(id)?.total) });
  }

  /** Puts everything into another storage. */
  attach(store: ProcessStore): void {
    for (const { kind, total } of this.totals.values()) {
      total.move(store.cell(kind, undefined, total.key));
    }
  }
}
