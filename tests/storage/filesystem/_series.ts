/** Series of the tests of the filesystem driver, on whichever runtime. */
import type { Cell, SampleSource } from "../../../src/core/storage.ts";
import { encodeSampleKey } from "../../../src/core/sample_key.ts";

/** The key of series `i` of a family with one label. */
export function key(i: number | string, family = "items"): string {
  return encodeSampleKey(family, `${family}_total`, { item: String(i) }, "Things counted.");
}

/** Adds to a cell as a metric does. */
export function add(cell: Cell, amount: number): void {
  cell.values[cell.index] = (cell.values[cell.index] as number) + amount;
}

/** The values of a source by key. */
export function valuesOf(source: SampleSource | undefined): Map<string, number> {
  const values = new Map<string, number>();
  source?.keys.forEach((key, i) => {
    values.set(key, source.values[source.slots[i] as number] as number);
  });
  return values;
}
