/**
 * Histograms: how many observations fell into which bucket.
 *
 * @module
 */
import { type Exemplar, makeExemplar } from "./exemplar.ts";
import { goFloat } from "./go_float.ts";
import { formatValue } from "./inspect.ts";
import type { Labels } from "./labels.ts";
import { BaseMetric, isLabels, MetricChild, refuseLabel, startStopwatch } from "./metric.ts";
import { becauseOfValue } from "./misuse.ts";
import type {
  HistogramConfiguration,
  LabelValues,
  MetricObjectWithValues,
  MetricValueWithName,
  ObserveDataWithExemplar,
} from "./metric_types.ts";
import type { ProcessStore } from "./process_store.ts";
import { UNSTORED } from "./slab.ts";
import type { Cell } from "./storage.ts";

const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** One series of a histogram. Keep it where the labels are known beforehand. */
export class HistogramChild extends MetricChild {
  /** The upper bounds, the infinite one too: no search goes past it. */
  private readonly bounds: Float64Array;
  /** The counts of the buckets, not added up; of the infinite one; and the sum of the values. */
  private readonly local: Float64Array;
  /** The store's slots, in the order of `local`. */
  private readonly stored: Float64Array[];
  private readonly indexes: Uint32Array;
  private cells: readonly Cell[] = [];
  /** What the local slots counted before they were set back to 0. */
  private readonly before: Float64Array;
  private exemplars: (Exemplar | undefined)[] = [];
  private readonly histogram: Histogram;

  /** @internal */
  constructor(owner: Histogram, labels: Labels) {
    super(owner, labels);
    const size = owner.upperBounds.length + 2;
    this.bounds = Float64Array.of(...owner.upperBounds, Infinity);
    this.local = new Float64Array(size);
    this.stored = new Array<Float64Array>(size).fill(UNSTORED.values);
    this.indexes = new Uint32Array(size).fill(UNSTORED.index);
    this.before = new Float64Array(size);
    this.histogram = owner;
  }

  /**
   * Counts a value.
   *
   * @param value The value.
   * @throws {TypeError} when it is not a finite number.
   */
  observe(value: number): void {
    if (!Number.isFinite(value)) {
      throw new TypeError(
        `Value is not a valid number: ${formatValue(value)}`,
        becauseOfValue("observe with", this.owner, value, "a finite number"),
      );
    }
    if (!this.ready) this.enter();
    const bucket = this.bucketOf(value);
    const sum = this.bounds.length;
    this.stored[bucket]![this.indexes[bucket]!]! += 1;
    this.local[bucket]! += 1;
    this.stored[sum]![this.indexes[sum]!]! += value;
    this.local[sum]! += value;
  }

  /**
   * Starts a stopwatch.
   *
   * @returns Observes the seconds since the start, and returns them; more labels may be given.
   */
  startTimer(): (labels?: LabelValues<string>) => number {
    return this.histogram.startTimer(this.labels as LabelValues<string>);
  }

  /** @internal Notes an exemplar for the bucket of its value. */
  note(exemplar: Exemplar): void {
    this.exemplars[this.bucketOf(exemplar.value)] = exemplar;
  }

  /** @internal The last exemplar of a bucket. */
  exemplarOf(bucket: number): Exemplar | undefined {
    return this.exemplars[bucket];
  }

  /** @internal What is in the local slots: the buckets, not added up, and the sum. */
  get values(): Float64Array {
    return this.local;
  }

  /** @internal Sets the local view back to 0. */
  clear(): void {
    for (let i = 0; i < this.local.length; i++) this.before[i]! += this.local[i]!;
    this.local.fill(0);
    this.exemplars = [];
  }

  /** @internal */
  override leave(): void {
    super.leave();
    this.clear();
  }

  /** @internal */
  override connect(store: ProcessStore, carries = true): void {
    const totals = this.local.map((value, i) => value + this.before[i]!);
    if (!this.owner.series.has(this) && totals.every((total) => total === 0)) return;
    const cells = Array.from(totals, (_, i) => this.cellOf(store, i));
    if (cells.every((cell, i) => cell === this.cells[i])) return;
    this.cells = cells;
    cells.forEach((cell, i) => {
      this.stored[i] = cell.values;
      this.indexes[i] = cell.index;
      if (carries) cell.values[cell.index]! += totals[i]!;
    });
  }

  /** The store's slot for a place in `local`. */
  private cellOf(store: ProcessStore, slot: number): Cell {
    const bound = this.bounds[slot];
    return bound === undefined
      ? this.owner.cell(store, "_sum", this.labels)
      : this.owner.cell(store, "_bucket", this.labels, goFloat(bound));
  }

  /** The place of the bucket that a value falls into. */
  private bucketOf(value: number): number {
    const { bounds } = this;
    let i = 0;
    while (!(value <= bounds[i]!)) i++;
    return i;
  }
}

/** Counts observations in buckets, and adds them up. */
export class Histogram<T extends string = string> extends BaseMetric<HistogramChild, T> {
  /** @internal The upper bounds, without the infinite one. */
  readonly upperBounds: readonly number[];

  /**
   * A histogram with no series yet, or, without labels, with one of zeros.
   *
   * @param configuration Name, help, and what else is wanted.
   * @throws {Error} when the configuration is invalid or the name is taken.
   */
  constructor(configuration: HistogramConfiguration<T>) {
    super("histogram", configuration as HistogramConfiguration<string>);
    refuseLabel("le", this);
    this.upperBounds = Object.freeze([...configuration.buckets ?? DEFAULT_BUCKETS]);
    if (this.labelNames.length === 0) this.tree.bare().enter();
    this.registerIn(configuration.registers);
  }

  /**
   * Counts a value.
   *
   * @param labels The labels of the series.
   * @param value The value.
   * @throws {TypeError} when the value is not a finite number.
   * @throws {Error} when a label is none of the histogram's.
   */
  observe(labels: LabelValues<T>, value: number): void;
  /** Counts a value in the series without labels. */
  observe(value: number): void;
  /** Counts a value and notes an exemplar; histograms with `enableExemplars` only. */
  observe(observeData: ObserveDataWithExemplar<T>): void;
  observe(first: LabelValues<T> | ObserveDataWithExemplar<T> | number, value?: number): void {
    if (this.enableExemplars) {
      this.observeWithExemplar(first as ObserveDataWithExemplar<T>);
    } else if (isLabels(first)) {
      this.observeIn(first, value as number);
    } else {
      // What is not a number but falsy counts as missing, NaN too: the message is prom-client's.
      this.tree.bare().observe((first === 0 ? 0 : first || value) as number);
    }
  }

  /**
   * Starts a stopwatch.
   *
   * @param labels The labels of the series; more may be given when it stops.
   * @param exemplarLabels The labels of the exemplar; more may be given when it stops.
   * @returns Observes the seconds since the start, and returns them.
   */
  startTimer(
    labels?: LabelValues<T>,
    exemplarLabels?: LabelValues<T>,
  ): (labels?: LabelValues<T>, exemplarLabels?: LabelValues<T>) => number {
    const elapsed = startStopwatch();
    return (endLabels, endExemplarLabels) => {
      const value = elapsed();
      const all = { ...labels, ...endLabels } as LabelValues<T>;
      if (this.enableExemplars) {
        const exemplar = { ...exemplarLabels, ...endExemplarLabels } as LabelValues<T>;
        this.observe({ labels: all, value, exemplarLabels: exemplar });
      } else {
        this.observe(all, value);
      }
      return value;
    };
  }

  /**
   * The series of some labels, always the same object.
   *
   * @param values Label values in the order of the names.
   * @throws {Error} when the labels are not the histogram's.
   */
  labels(...values: string[]): HistogramChild;
  /** The series of some labels, given as an object. */
  labels(labels: LabelValues<T>): HistogramChild;
  labels(...args: unknown[]): HistogramChild {
    return this.childOf(args);
  }

  /**
   * Makes a series of zeros, or sets it back to that in the local view.
   *
   * @param labels The labels of the series.
   * @throws {Error} when a label is none of the histogram's.
   */
  zero(labels: LabelValues<T>): void {
    const child = this.tree.find(labels);
    child.clear();
    child.labels = { ...labels };
    child.enter();
  }

  /** Removes all series from the local view. The store keeps its totals. */
  reset(): void {
    this.dropAll();
  }

  /** The histogram with its values in this process; buckets are added up. */
  async get(): Promise<MetricObjectWithValues<MetricValueWithName<T>>> {
    const data = await this.getForPromString();
    const values = data.values.map(({ labels, sharedLabels, ...rest }) => ({
      ...rest,
      labels: { ...labels, ...sharedLabels },
    }));
    return { ...data, values } as unknown as MetricObjectWithValues<MetricValueWithName<T>>;
  }

  /** @internal Like `get()`, with the labels that all samples of a series share kept apart. */
  async getForPromString(): Promise<HistogramData> {
    await this.runCollect();
    const values: HistogramSample[] = [];
    for (const child of this.series) this.pushSamples(child, values);
    const { name, help, type, aggregator } = this;
    return { name, help, type, values, aggregator };
  }

  /** Makes a series that does not show yet. */
  protected override makeChild(labels: Labels): HistogramChild {
    return new HistogramChild(this as unknown as Histogram, labels);
  }

  /** Adds what is printed of a series. */
  private pushSamples(child: HistogramChild, samples: HistogramSample[]): void {
    const { name, upperBounds, enableExemplars } = this;
    const sharedLabels = { ...child.labels };
    const metricName = `${name}_bucket`;
    // prom-client has null for an exemplar that is yet to come, but nothing in the infinite bucket.
    const missing = enableExemplars ? undefined : null;
    let count = 0;
    upperBounds.forEach((le, i) => {
      count += child.values[i]!;
      const exemplar = child.exemplarOf(i) ?? null;
      samples.push({ labels: { le }, sharedLabels, value: count, metricName, exemplar });
    });
    count += child.values[upperBounds.length]!;
    const exemplar = child.exemplarOf(upperBounds.length) ?? missing;
    samples.push(
      { labels: { le: "+Inf" }, sharedLabels, value: count, metricName, exemplar },
      sample(`${name}_sum`, child.values[upperBounds.length + 1]!, sharedLabels),
      sample(`${name}_count`, count, sharedLabels),
    );
  }

  /** Counts a value in the series of some labels, whose look it takes on when it is new. */
  private observeIn(labels: Labels, value: number): HistogramChild {
    const child = this.tree.find(labels);
    const isNew = !child.ready;
    child.observe(value);
    if (isNew) child.labels = { ...labels };
    return child;
  }

  /** What `observe()` is where exemplars are enabled. */
  private observeWithExemplar(data: ObserveDataWithExemplar<T>): void {
    const { labels = {}, value, exemplarLabels = {} } = data ?? {};
    const child = this.observeIn(labels, value);
    if (Object.keys(exemplarLabels).length === 0) return;
    child.note(makeExemplar(exemplarLabels as Record<string, string | number>, value));
  }
}

function sample(metricName: string, value: number, sharedLabels: Labels): HistogramSample {
  return { labels: {}, sharedLabels, value, metricName, exemplar: undefined };
}

/** One sample of a histogram, before the labels are put together. */
export interface HistogramSample {
  /** `le`, or nothing. */
  readonly labels: Labels;
  /** The labels of the series. */
  readonly sharedLabels: Labels;
  /** The value; of a bucket, with all below it. */
  readonly value: number;
  /** The sample name. */
  readonly metricName: string;
  /** The exemplar of a bucket. */
  readonly exemplar: Exemplar | null | undefined;
}

/** A histogram as a registry prints it. */
export interface HistogramData {
  /** The metric name. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** `"histogram"`. */
  readonly type: string;
  /** The samples, series by series. */
  readonly values: readonly HistogramSample[];
  /** The aggregator. */
  readonly aggregator: string | undefined;
}

/** Types that go with {@linkcode Histogram}. */
export declare namespace Histogram {
  /** What `labels()` gives. */
  interface Internal<T extends string> {
    /** Counts a value. */
    observe(value: number): void;
    /** Starts a stopwatch; what it returns observes the seconds since then. */
    startTimer(): (labels?: LabelValues<T>) => void;
  }
  /** The buckets alone. */
  interface Config {
    /** Upper bounds of the buckets. */
    buckets?: number[];
  }
}
