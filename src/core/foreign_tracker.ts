/**
 * Copies metrics of another library into the store.
 *
 * @module
 */
import { markAbsent } from "./absent.ts";
import { CopiedTotal } from "./copied_total.ts";
import { endedTotalsOf } from "./ended_totals.ts";
import { MetricMisuse } from "./errors.ts";
import type { ForeignMetric, Tracked } from "./foreign.ts";
import { type Insides, insidesOf } from "./foreign_insides.ts";
import {
  type ForeignData,
  type ForeignSeries,
  type SampleName,
  seriesOfData,
} from "./foreign_series.ts";
import type { Labels } from "./labels.ts";
import { type GaugeMode, resolveGaugeMode } from "./modes.ts";
import { type ProcessStore, processStore } from "./process_store.ts";
import { defaultLabelsOf, sameLabels } from "./default_labels.ts";
import { encodeSampleKey } from "./sample_key.ts";
import type { Cell, MetricKind } from "./storage.ts";

/** What has been copied of one life of a series of a counter, histogram or summary. */
interface TotalsCopy {
  readonly labels: Labels;
  names: readonly SampleName[];
  totals: readonly CopiedTotal[];
  count: number;
  pass: number;
}

/** What has been copied of a series of a gauge. */
interface GaugeCopy {
  readonly labels: Labels;
  readonly key: string;
  cell: Cell;
  pass: number;
}

/** What a pass over the series has to know. */
interface Shown {
  readonly kind: MetricKind;
  readonly help: string;
  readonly aggregator?: string | undefined;
}

/** Copies one metric. */
export class ForeignTracker implements Tracked {
  /** The name of the metric when a registry first took it. */
  readonly name: string;
  private readonly metric: ForeignMetric;
  private knownInsides: { readonly insides: Insides | undefined } | undefined;
  private readonly registries = new Set<object>();
  private store: ProcessStore | undefined;
  private kind: MetricKind = "gauge";
  private mode: GaugeMode | undefined;
  private defaults: Labels = {};
  private readonly totals = new Map<unknown, TotalsCopy>();
  private readonly gauges = new Map<unknown, GaugeCopy>();
  private pass = 0;
  private visited = 0;
  private running = false;
  /** Whether it was brought up to date once, or a gauge set: before, the 0 it starts at is no value. */
  private hasStarted = false;
  private problem: "none" | "new" | "told" = "none";

  /** Copies nothing before a registry has the metric and the store is open. */
  constructor(metric: ForeignMetric) {
    this.metric = metric;
    // Noted now: an OpenMetrics registry takes the suffix off a counter's name later.
    this.name = `${metric.name}`;
  }

  /** A registry has taken the metric. */
  joined(registry: object): void {
    this.registries.add(registry);
  }

  /** A registry is about to drop the metric, or has done so. */
  left(registry: object): void {
    if (this.registries.size === 1 && this.registries.has(registry)) this.mirror();
    this.registries.delete(registry);
    if (this.registries.size > 0) return;
    this.dropGauges();
    for (const copy of this.totals.values()) {
      this.end(copy);
      // Should a registry take it again, it is counted from here on.
      copy.totals = copy.totals.map((total) => total.next());
    }
    processStore().disconnect(this);
  }

  /** Goes on in a store, with everything counted so far. */
  attach(store: ProcessStore): void {
    this.store = store;
    for (const { totals } of this.totals.values()) {
      for (const total of totals) total.move(store.cell(this.kind, undefined, total.key));
    }
    for (const copy of this.gauges.values()) {
      const { values, index } = copy.cell;
      copy.cell = store.cell("gauge", this.mode, copy.key);
      copy.cell.values[copy.cell.index] = values[index]!;
    }
  }

  /**
   * Brings the metric up to date, and copies it. At most once at a time.
   *
   * @throws {MetricMisuse} when a counter is not a number; told once.
   */
  async snapshot(): Promise<void> {
    if (this.running || !this.wanted) return;
    this.running = true;
    try {
      const { insides } = this;
      if (insides === undefined) {
        const data = await this.metric.get() as ForeignData;
        this.hasStarted = true;
        this.copyAll({ ...data, kind: data.type }, (visitor) => {
          for (const series of seriesOfData(data)) visitor(series);
        });
      } else {
        await insides.collect();
        this.hasStarted = true;
        this.mirror();
      }
    } finally {
      this.running = false;
    }
    if (this.problem !== "new") return;
    this.problem = "told";
    throw new MetricMisuse(
      `Cannot store ${this.kind} ${JSON.stringify(this.name)}: a value is NaN, expected a number`,
    );
  }

  /** Copies the values as they are, without waiting, where the library lets that be done. */
  mirror(): void {
    const { insides } = this;
    if (insides !== undefined) this.copyAll(insides, (visitor) => insides.visit(visitor));
  }

  /** Whether there is somebody who wants the values; who dropped the metric does not. */
  private get wanted(): boolean {
    return this.store?.writer !== undefined && this.registries.size > 0;
  }

  /** Looked at late: prom-client registers a metric before it has made it. */
  private get insides(): Insides | undefined {
    this.knownInsides ??= { insides: insidesOf(this.metric) };
    return this.knownInsides.insides;
  }

  private copyAll(shown: Shown, visit: (visitor: (series: ForeignSeries) => void) => void): void {
    const { store } = this;
    if (store === undefined || !this.wanted) return;
    this.kind = shown.kind;
    // prom-client's metrics always have an aggregator, so it always counts.
    this.mode = resolveGaugeMode(undefined, shown.aggregator ?? "sum");
    if (this.mode === "omit") return;
    const changed = this.noteDefaults();
    this.pass++;
    this.visited = 0;
    if (shown.kind === "gauge") {
      visit((series) => this.copyGauge(series, shown, store));
      if (this.visited < this.gauges.size) this.dropGauges(this.pass);
    } else {
      visit((series) => this.copyTotals(series, shown, store, changed.get(series.id)));
      if (this.visited < this.totals.size) this.endTotals(this.pass);
    }
  }

  private copyGauge(series: ForeignSeries, shown: Shown, store: ProcessStore): void {
    let copy = this.gauges.get(series.id);
    const { labels } = series;
    if (copy !== undefined && copy.labels !== labels && !sameLabels(copy.labels, labels)) {
      markAbsent(copy.cell, this.mode!);
      copy = undefined;
    }
    if (copy === undefined) {
      this.hasStarted ||= series.count !== 0 || Object.keys(labels).length > 0;
      if (!this.hasStarted) return;
      const key = this.key(shown, "", labels);
      copy = { labels: { ...labels }, key, cell: store.cell("gauge", this.mode, key), pass: 0 };
      this.gauges.set(series.id, copy);
    }
    copy.cell.values[copy.cell.index] = series.count;
    copy.pass = this.pass;
    this.visited++;
  }

  private copyTotals(
    series: ForeignSeries,
    shown: Shown,
    store: ProcessStore,
    before: TotalsCopy | undefined,
  ): void {
    const { id, count } = series;
    let copy = this.totals.get(id);
    if (copy !== undefined && copy.count === count) return this.keep(copy, count);
    if (Number.isNaN(count)) {
      // It stays so until the library sets it back: what was counted before is kept.
      if (this.problem === "none") this.problem = "new";
      if (copy !== undefined) this.keep(copy, copy.count);
      return;
    }
    if (copy !== undefined && count < copy.count) {
      this.end(copy);
      copy = undefined;
    }
    if (copy === undefined) {
      copy = { labels: { ...series.labels }, names: [], totals: [], count: 0, pass: 0 };
      this.totals.set(id, copy);
    }
    if (copy.names !== series.names) {
      const goesOn = before !== undefined && count >= before.count;
      this.arrange(copy, series.names, shown, store, goesOn ? before.totals : []);
    }
    const values = series.values();
    const { totals } = copy;
    for (let i = 0; i < totals.length; i++) totals[i]!.copy(values[i]!);
    this.keep(copy, count);
  }

  /** Gives each sample its slot. */
  private arrange(
    copy: TotalsCopy,
    names: readonly SampleName[],
    shown: Shown,
    store: ProcessStore,
    before: readonly CopiedTotal[],
  ): void {
    const known = new Map(copy.totals.map((total) => [total.key, total]));
    copy.totals = names.map(({ suffix, le }, i) => {
      const key = this.key(shown, suffix, copy.labels, le);
      const cell = store.cell(shown.kind, undefined, key);
      const start = before[i]?.value ?? 0;
      return known.get(key) ?? new CopiedTotal(key, cell, suffix === "_sum", start);
    });
    copy.names = names;
  }

  private keep(copy: TotalsCopy, count: number): void {
    copy.count = count;
    copy.pass = this.pass;
    this.visited++;
  }

  /** Takes out of the aggregate what the library no longer shows. */
  private dropGauges(except?: number): void {
    const dropped = [...this.gauges].filter(([, { pass }]) => pass !== except);
    for (const [id] of dropped) this.gauges.delete(id);
    // A series that was removed and set again may have another id, and has the same slot.
    const used = new Set(Array.from(this.gauges.values(), ({ cell }) => cell));
    for (const [, { cell }] of dropped) {
      if (this.mode !== undefined && !used.has(cell)) markAbsent(cell, this.mode);
    }
  }

  /** Should a series come back, it starts at 0; what it has counted stays. */
  private endTotals(except?: number): void {
    for (const [id, copy] of this.totals) {
      if (copy.pass === except) continue;
      this.end(copy);
      this.totals.delete(id);
    }
  }

  private end({ totals }: TotalsCopy): void {
    if (this.store === undefined) return;
    const ended = endedTotalsOf(this.store);
    for (const total of totals) ended.add(this.kind, total);
  }

  /**
   * Looks whether the default labels are what they were. When they have changed, totals go on under
   * the new ones from where they were: they are counted once, under the one or the other.
   *
   * @returns What was copied under the former ones.
   */
  private noteDefaults(): ReadonlyMap<unknown, TotalsCopy> {
    const defaults = defaultLabelsOf(this.registries);
    if (sameLabels(defaults, this.defaults)) return NOTHING;
    this.defaults = { ...defaults };
    this.dropGauges();
    const before = new Map(this.totals);
    this.endTotals();
    return before;
  }

  private key(shown: Shown, suffix: string, labels: Labels, le?: string): string {
    const texts: Record<string, string> = Object.create(null);
    for (const source of [this.defaults, labels, { le }]) {
      for (const [label, value] of Object.entries(source)) {
        if (value !== undefined) texts[label] = `${value}`;
      }
    }
    const { name } = this;
    const family = shown.kind === "counter" ? name.replace(/_total$/, "") : name;
    return encodeSampleKey(family, name + suffix, texts, `${shown.help}`);
  }
}

const NOTHING: ReadonlyMap<unknown, TotalsCopy> = new Map();
