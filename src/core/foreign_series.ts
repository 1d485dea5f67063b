/**
 * What another library's metric shows: series with their samples, as they are to be stored.
 *
 * @module
 */
import { goFloat } from "./go_float.ts";
import type { Labels } from "./labels.ts";
import type { MetricKind } from "./storage.ts";

/** Which sample of a series a value is. */
export interface SampleName {
  /** What the sample name has after the metric's. */
  readonly suffix: "" | "_bucket" | "_sum" | "_count";
  /** The bound of a bucket, as it is stored. */
  readonly le?: string;
}

/** A series as it is now. */
export interface ForeignSeries {
  /** Tells the series of a metric apart; a total that has started again from 0 may have another one. */
  readonly id: unknown;
  /** Its labels. */
  readonly labels: Labels;
  /** What changes with every update of a total, and never falls: a counter's value, else the observations. */
  readonly count: number;
  /** The samples; the same array while they are the same. */
  readonly names: readonly SampleName[];
  /** Their values; a bucket's are the observations that fell into it and into none before. */
  values(): readonly number[];
}

/** What `get()` of prom-client's metrics gives. */
export interface ForeignData {
  /** The help text. */
  readonly help: string;
  /** The type. */
  readonly type: MetricKind;
  /** How values of several workers become one. */
  readonly aggregator?: string | undefined;
  /** Samples in the order of series; buckets are added up, in ascending order. */
  readonly values?: readonly ForeignValue[];
}

interface ForeignValue {
  readonly value: number;
  readonly labels?: Labels;
  readonly metricName?: string;
}

/** The samples of what has one. */
export const VALUE: readonly SampleName[] = [{ suffix: "" }];
/** The samples of a summary. Its quantiles cannot be aggregated. */
export const SUM_AND_COUNT: readonly SampleName[] = [{ suffix: "_sum" }, { suffix: "_count" }];

/** The samples of a histogram: its buckets, of which those with the same bound are one, and the sum. */
export function histogramNames(bounds: Iterable<number>): readonly SampleName[] {
  const texts = new Set(Array.from(bounds, goFloat));
  return [
    ...Array.from(texts, (le) => ({ suffix: "_bucket", le }) as const),
    { suffix: "_sum" },
  ];
}

/** The series that `get()` has given. */
export function seriesOfData({ type, values = [] }: ForeignData): Iterable<ForeignSeries> {
  const all = new Map<string, DataSeries>();
  for (const value of values) {
    const { le, ...others } = value.labels ?? {};
    const labels = type === "histogram" ? others : value.labels ?? {};
    if (type === "summary" && labels["quantile"] !== undefined) continue;
    const id = JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1));
    let series = all.get(id);
    if (series === undefined) all.set(id, series = new DataSeries(id, type, labels));
    series.add(value, le);
  }
  return all.values();
}

class DataSeries implements ForeignSeries {
  readonly id: string;
  readonly labels: Labels;
  count = 0;
  private readonly kind: MetricKind;
  private readonly buckets = new Map<number, number>();
  private sum = 0;

  constructor(id: string, kind: MetricKind, labels: Labels) {
    this.id = id;
    this.kind = kind;
    this.labels = labels;
  }

  add({ value, metricName }: ForeignValue, le: unknown): void {
    const suffix = /_(?:bucket|sum|count)$/.exec(metricName ?? "")?.[0];
    if (this.kind === "counter" || this.kind === "gauge") {
      this.count = value;
    } else if (suffix === "_sum") {
      this.sum = value;
    } else if (suffix === "_count" && this.kind === "summary") {
      this.count = value;
    } else if (suffix === "_bucket" && this.kind === "histogram") {
      const bound = le === "+Inf" ? Infinity : Number(le);
      this.buckets.set(bound, (this.buckets.get(bound) ?? 0) + value - this.count);
      this.count = value;
    }
  }

  get names(): readonly SampleName[] {
    if (this.kind === "histogram") return histogramNames(this.buckets.keys());
    return this.kind === "summary" ? SUM_AND_COUNT : VALUE;
  }

  values(): readonly number[] {
    if (this.kind === "histogram") return [...this.buckets.values(), this.sum];
    return this.kind === "summary" ? [this.sum, this.count] : [this.count];
  }
}
