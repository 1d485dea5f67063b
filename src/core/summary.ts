/**
 * Summaries: quantiles of observations, in this process alone; sum and count are aggregated.
 *
 * @module
 */
import { formatValue } from "./inspect.ts";
import type { Labels } from "./labels.ts";
import { BaseMetric, isLabels, MetricChild, refuseLabel, startStopwatch } from "./metric.ts";
import { becauseOfValue } from "./misuse.ts";
import type {
  LabelValues,
  MetricObjectWithValues,
  MetricValueWithName,
  SummaryConfiguration,
} from "./metric_types.ts";
import type { ProcessStore } from "./process_store.ts";
import { UNSTORED } from "./slab.ts";
import type { Cell } from "./storage.ts";
import { TimeWindowQuantiles } from "./time_window_quantiles.ts";

const DEFAULT_PERCENTILES = [0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999];
const DEFAULT_COMPRESS_COUNT = 1000;

/** One series of a summary. Keep it where the labels are known beforehand. */
export class SummaryChild extends MetricChild {
  /** @internal The numbers of the window. */
  quantiles: TimeWindowQuantiles;
  /** @internal The number of observations in the local view. */
  count = 0;
  /** @internal Their sum. */
  sum = 0;
  private countCell: Cell = UNSTORED;
  private sumCell: Cell = UNSTORED;
  /** What was counted and added up before the local view was set back to 0. */
  private countBefore = 0;
  private sumBefore = 0;
  private readonly summary: Summary;

  /** @internal */
  constructor(owner: Summary, labels: Labels) {
    super(owner, labels);
    this.summary = owner;
    this.quantiles = owner.makeWindow();
  }

  /**
   * Takes a value.
   *
   * @param value The value.
   * @throws {TypeError} when it is not a finite number.
   */
  observe(value: number): void {
    if (!Number.isFinite(value)) {
      // As in prom-client, where missing means that the labels are the value.
      const shown = value === undefined ? this.labels : value;
      throw new TypeError(
        `Value is not a valid number: ${formatValue(shown)}`,
        becauseOfValue("observe with", this.owner, value, "a finite number"),
      );
    }
    if (!this.ready) this.enter();
    this.quantiles.push(value);
    this.count += 1;
    this.sum += value;
    this.countCell.values[this.countCell.index]! += 1;
    this.sumCell.values[this.sumCell.index]! += value;
    if (this.count % this.summary.compressCount === 0) this.quantiles.compress();
  }

  /**
   * Starts a stopwatch.
   *
   * @returns Observes the seconds since the start, and returns them; more labels may be given.
   */
  startTimer(): (labels?: LabelValues<string>) => number {
    return this.summary.startTimer(this.labels as LabelValues<string>);
  }

  /** @internal Sets the local view back to 0. */
  clear(): void {
    this.countBefore += this.count;
    this.sumBefore += this.sum;
    this.count = 0;
    this.sum = 0;
    this.quantiles.reset();
  }

  /** @internal */
  override leave(): void {
    super.leave();
    this.clear();
  }

  /** @internal The window of a series begins when it shows up. */
  override enter(): void {
    if (!this.owner.series.has(this)) this.quantiles = this.summary.makeWindow();
    super.enter();
  }

  /** @internal */
  override connect(store: ProcessStore, carries = true): void {
    const count = this.countBefore + this.count;
    if (count === 0 && !this.owner.series.has(this)) return;
    const countCell = this.owner.cell(store, "_count", this.labels);
    if (countCell === this.countCell) return;
    this.countCell = countCell;
    this.sumCell = this.owner.cell(store, "_sum", this.labels);
    if (!carries) return;
    this.countCell.values[this.countCell.index]! += count;
    this.sumCell.values[this.sumCell.index]! += this.sumBefore + this.sum;
  }
}

/** Quantiles of observations, over everything or a sliding window of time. */
export class Summary<T extends string = string> extends BaseMetric<SummaryChild, T> {
  /** @internal After how many observations a digest is compressed. */
  readonly compressCount: number;
  private readonly percentiles: readonly number[];
  private readonly maxAgeSeconds: number | undefined;
  private readonly ageBuckets: number | undefined;
  private readonly pruneAgedBuckets: boolean;

  /**
   * A summary with no series yet, or, without labels, with one of zeros.
   *
   * @param configuration Name, help, and what else is wanted.
   * @throws {Error} when the configuration is invalid or the name is taken.
   */
  constructor(configuration: SummaryConfiguration<T>) {
    super("summary", configuration as SummaryConfiguration<string>);
    refuseLabel("quantile", this);
    this.percentiles = configuration.percentiles ?? DEFAULT_PERCENTILES;
    this.compressCount = configuration.compressCount ?? DEFAULT_COMPRESS_COUNT;
    this.maxAgeSeconds = configuration.maxAgeSeconds;
    this.ageBuckets = configuration.ageBuckets;
    this.pruneAgedBuckets = configuration.pruneAgedBuckets ?? false;
    if (this.labelNames.length === 0) this.tree.bare().enter();
    this.registerIn(configuration.registers);
  }

  /**
   * Takes a value.
   *
   * @param labels The labels of the series.
   * @param value The value.
   * @throws {TypeError} when the value is not a finite number.
   * @throws {Error} when a label is none of the summary's.
   */
  observe(labels: LabelValues<T>, value: number): void;
  /** Takes a value for the series without labels. */
  observe(value: number): void;
  observe(first: LabelValues<T> | number, value?: number): void {
    if (isLabels(first)) {
      const child = this.tree.find(first);
      const isNew = !child.ready;
      // prom-client takes a lone argument for the value, even where it can only be the labels.
      child.observe((value === undefined ? first : value) as number);
      if (isNew) child.labels = { ...first };
      return;
    }
    // As in prom-client: what is falsy but not 0 counts as no labels, which then are the value.
    const alone = first === 0 ? 0 : first || {};
    this.tree.bare().observe((value ?? alone) as number);
  }

  /**
   * Starts a stopwatch.
   *
   * @param labels The labels of the series; more may be given when it stops.
   * @returns Observes the seconds since the start, and returns them.
   */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    const elapsed = startStopwatch();
    return (endLabels) => {
      const value = elapsed();
      this.observe({ ...labels, ...endLabels } as LabelValues<T>, value);
      return value;
    };
  }

  /**
   * The series of some labels, always the same object.
   *
   * @param values Label values in the order of the names.
   * @throws {Error} when the labels are not the summary's.
   */
  labels(...values: string[]): SummaryChild;
  /** The series of some labels, given as an object. */
  labels(labels: LabelValues<T>): SummaryChild;
  labels(...args: unknown[]): SummaryChild {
    return this.childOf(args);
  }

  /** Sets all series back to 0 in the local view. The store keeps its totals. */
  reset(): void {
    for (const child of this.series) child.clear();
  }

  /** The summary with its values in this process. */
  async get(): Promise<MetricObjectWithValues<MetricValueWithName<T>>> {
    await this.runCollect();
    const values: object[] = [];
    for (const child of this.series) {
      if (this.pruneAgedBuckets && child.quantiles.size === 0) this.drop(child);
      else this.pushSamples(child, values);
    }
    const { name, help, type, aggregator } = this;
    return { name, help, type, values, aggregator } as unknown as MetricObjectWithValues<
      MetricValueWithName<T>
    >;
  }

  /** @internal An empty window. */
  makeWindow(): TimeWindowQuantiles {
    return new TimeWindowQuantiles(this.maxAgeSeconds, this.ageBuckets);
  }

  /** Makes a series that does not show yet. */
  protected override makeChild(labels: Labels): SummaryChild {
    return new SummaryChild(this as unknown as Summary, labels);
  }

  /** Adds what is printed of a series. */
  private pushSamples(child: SummaryChild, samples: object[]): void {
    const { name } = this;
    child.quantiles.compress();
    for (const quantile of this.percentiles) {
      const value = child.quantiles.percentile(quantile) || 0;
      samples.push({ labels: { quantile, ...child.labels }, value });
    }
    samples.push(
      { metricName: `${name}_sum`, labels: { ...child.labels }, value: child.sum },
      { metricName: `${name}_count`, labels: { ...child.labels }, value: child.count },
    );
  }
}

/** Types that go with {@linkcode Summary}. */
export declare namespace Summary {
  /** What `labels()` gives. */
  interface Internal<T extends string> {
    /** Takes a value. */
    observe(value: number): void;
    /** Starts a stopwatch; what it returns observes the seconds since then. */
    startTimer(): (labels?: LabelValues<T>) => number;
  }
  /** The quantiles alone. */
  interface Config {
    /** The quantiles, 0 to 1. */
    percentiles?: number[];
  }
}
