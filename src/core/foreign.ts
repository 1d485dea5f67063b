/**
 * Metrics that are not ours, prom-client's above all: their values are copied into the store.
 *
 * @module
 */
import { goFloat } from "./go_float.ts";
import { markAbsent } from "./absent.ts";
import type { Labels } from "./labels.ts";
import { type GaugeMode, resolveGaugeMode } from "./modes.ts";
import type { ProcessStore, Storable } from "./process_store.ts";
import { encodeSampleKey } from "./sample_key.ts";
import type { Cell, MetricKind } from "./storage.ts";

/** What a metric of another library must have: prom-client's metrics do. */
export interface ForeignMetric {
  /** The metric name. It is there at run time; prom-client's types do not mention it. */
  readonly name?: string;
  /** Gives help text, type, aggregator and values, in prom-client's shape. */
  get(): unknown;
}

/** Something that is stored while a registry has it. */
export interface Tracked extends Storable {
  /** A registry has taken the metric. */
  joined(registry: object): void;
  /** A registry has dropped the metric. */
  left(registry: object): void;
}

/** What `get()` gives. */
interface ForeignData {
  readonly help: string;
  readonly type: MetricKind;
  readonly aggregator?: string;
  readonly values?: readonly ForeignValue[];
}

interface ForeignValue {
  readonly value: number;
  readonly labels?: Labels;
  readonly metricName?: string;
}

const trackers = new WeakMap<object, ForeignTracker>();

/**
 * How a metric gets into the store: by itself when it is ours (of this or another copy of this
 * module), else through snapshots. The same metric always gives the same object.
 *
 * @param metric A metric of ours or of another library.
 */
export function storableOf(metric: Tracked | ForeignMetric): Tracked {
  if ("attach" in metric) return metric;
  let tracker = trackers.get(metric);
  if (tracker === undefined) trackers.set(metric, tracker = new ForeignTracker(metric));
  return tracker;
}

/**
 * A total that another library counts, and may set back. The slot may be shared with other metrics of
 * the same name.
 */
class CopiedTotal {
  private cell: Cell;
  /** What was counted before the library set it back. */
  private base = 0;
  private last = 0;
  /** What other metrics put into the slot. */
  private others = 0;
  private written = 0;

  constructor(cell: Cell) {
    this.cell = cell;
  }

  /** Notes the library's value, which started again from 0 if `wasReset`. */
  copy(value: number, wasReset: boolean): void {
    const { values, index } = this.cell;
    this.others += values[index]! - this.written;
    if (wasReset) this.base += this.last;
    this.last = value;
    // Assigned, not added: the slot of one metric that was never set back has the library's own bits.
    this.written = this.others + (this.base + value);
    values[index] = this.written;
  }

  /** Goes on in another store's slot, with everything counted so far. */
  move(cell: Cell): void {
    if (cell === this.cell) return;
    this.cell = cell;
    this.others = 0;
    this.written = 0;
    this.copy(this.last, false);
  }
}

/** One sample of a series, as it is stored. */
interface Sample {
  readonly key: string;
  readonly value: number;
}

/** The totals of one series, and what they were when they were last seen. */
interface Series {
  readonly totals: Map<string, CopiedTotal>;
  /** What never falls unless the series was set back: a counter's value, else the observations. */
  count: number;
}

/** Copies a foreign metric into the store. */
class ForeignTracker implements Tracked {
  private readonly metric: ForeignMetric;
  private readonly name: string;
  private readonly registries = new Set<object>();
  private store: ProcessStore | undefined;
  private readonly series = new Map<string, Series>();
  private gauges = new Map<string, Cell>();
  private kind: MetricKind = "gauge";
  private mode: GaugeMode | undefined;
  private running = false;

  constructor(metric: ForeignMetric) {
    this.metric = metric;
    // Noted now: an OpenMetrics registry takes the suffix off a counter's name later.
    this.name = `${metric.name}`;
  }

  joined(registry: object): void {
    this.registries.add(registry);
  }

  left(registry: object): void {
    this.registries.delete(registry);
    if (this.registries.size === 0) this.keepGauges(new Map());
  }

  attach(store: ProcessStore): void {
    this.store = store;
    for (const { totals } of this.series.values()) {
      for (const [key, total] of totals) total.move(store.cell(this.kind, undefined, key));
    }
    for (const [key, old] of this.gauges) {
      const cell = store.cell("gauge", this.mode, key);
      cell.values[cell.index] = old.values[old.index]!;
      this.gauges.set(key, cell);
    }
  }

  async snapshot(): Promise<void> {
    if (this.running || this.registries.size === 0) return;
    this.running = true;
    try {
      const data = await this.metric.get() as ForeignData;
      // Whoever dropped the metric meanwhile does not want it back.
      if (this.store?.writer === undefined || this.registries.size === 0) return;
      this.kind = data.type;
      if (data.type === "gauge") this.copyGauge(data, this.store);
      else if (data.aggregator !== "omit") this.copyTotals(data, this.store);
    } finally {
      this.running = false;
    }
  }

  private copyGauge(data: ForeignData, store: ProcessStore): void {
    // prom-client's metrics always have an aggregator, so it always counts.
    this.mode = resolveGaugeMode(undefined, data.aggregator ?? "sum");
    if (this.mode === "omit") return;
    const present = new Map<string, Cell>();
    for (const { labels = {}, value } of data.values ?? []) {
      const key = this.key(data, "", labels);
      const cell = this.gauges.get(key) ?? store.cell("gauge", this.mode, key);
      cell.values[cell.index] = value;
      present.set(key, cell);
    }
    this.keepGauges(present);
  }

  /** Takes out of the aggregate what the library no longer shows. */
  private keepGauges(present: Map<string, Cell>): void {
    for (const [key, cell] of this.gauges) {
      if (this.mode !== undefined && !present.has(key)) markAbsent(cell, this.mode);
    }
    this.gauges = present;
  }

  private copyTotals(data: ForeignData, store: ProcessStore): void {
    const shown = data.type === "histogram" ? this.histogramSamples(data) : this.plainSamples(data);
    for (const [id, { totals }] of this.series) {
      if (shown.has(id)) continue;
      // The series was removed; should it come back, it starts at 0.
      for (const total of totals.values()) total.copy(0, true);
      this.series.get(id)!.count = 0;
    }
    for (const [id, { samples, count }] of shown) {
      let series = this.series.get(id);
      if (series === undefined) this.series.set(id, series = { totals: new Map(), count: 0 });
      const wasReset = count < series.count;
      series.count = count;
      for (const { key, value } of samples) {
        let total = series.totals.get(key);
        if (total === undefined) {
          total = new CopiedTotal(store.cell(data.type, undefined, key));
          series.totals.set(key, total);
        }
        total.copy(value, wasReset);
      }
    }
  }

  /** Counters, and the sum and count of summaries, by series. */
  private plainSamples(data: ForeignData): Map<string, Shown> {
    const all = new Map<string, Shown>();
    for (const { labels = {}, value, metricName } of data.values ?? []) {
      const suffix = data.type === "counter" ? "" : this.suffix(metricName);
      if (suffix === undefined) continue; // A quantile: it cannot be aggregated.
      const shown = shownFor(all, this.key(data, "", labels));
      shown.samples.push({ key: this.key(data, suffix, labels), value });
      if (suffix !== "_sum") shown.count = value;
    }
    return all;
  }

  /** Histograms: buckets as counts of their own, and the sum. */
  private histogramSamples(data: ForeignData): Map<string, Shown> {
    const all = new Map<string, Shown>();
    for (const { labels = {}, value, metricName } of data.values ?? []) {
      const { le, ...own } = labels;
      const shown = shownFor(all, this.key(data, "", own));
      const suffix = this.suffix(metricName);
      if (suffix === "_bucket") {
        const bound = goFloat(le === "+Inf" ? Infinity : Number(le));
        // The count so far is what the buckets before this one have: they come in ascending order.
        shown.samples.push({
          key: this.key(data, suffix, { ...own, le: bound }),
          value: value - shown.count,
        });
        shown.count = value;
      } else if (suffix === "_sum") {
        shown.samples.push({ key: this.key(data, suffix, own), value });
      }
    }
    return all;
  }

  private suffix(sampleName: string | undefined): string | undefined {
    return /_(?:bucket|sum|count)$/.exec(sampleName ?? "")?.[0];
  }

  private key(data: ForeignData, suffix: string, labels: Labels): string {
    const texts: Record<string, string> = Object.create(null);
    for (const [label, value] of Object.entries(labels)) {
      if (value !== undefined) texts[label] = `${value}`;
    }
    const { name } = this;
    const family = data.type === "counter" ? name.replace(/_total$/, "") : name;
    return encodeSampleKey(family, name + suffix, texts, data.help);
  }
}

interface Shown {
  readonly samples: Sample[];
  count: number;
}

function shownFor(all: Map<string, Shown>, id: string): Shown {
  let shown = all.get(id);
  if (shown === undefined) all.set(id, shown = { samples: [], count: 0 });
  return shown;
}
