/**
 * Counters: totals that only ever grow.
 *
 * @module
 */
import { type Exemplar, makeExemplar } from "./exemplar.ts";
import { formatValue } from "./inspect.ts";
import type { Labels } from "./labels.ts";
import { BaseMetric, isLabels, MetricChild } from "./metric.ts";
import { becauseOfValue } from "./misuse.ts";
import type {
  CounterConfiguration,
  IncreaseDataWithExemplar,
  LabelValues,
  MetricObjectWithValues,
  MetricValue,
} from "./metric_types.ts";
import type { ProcessStore } from "./process_store.ts";
import { UNSTORED } from "./slab.ts";
import type { Cell } from "./storage.ts";

/** One series of a counter. Keep it where the labels are known beforehand: its updates are fastest. */
export class CounterChild extends MetricChild {
  /** @internal The last exemplar. */
  exemplar: Exemplar | undefined = undefined;
  private values: Float64Array;
  private index: number;
  private readonly localValues: Float64Array;
  private readonly localIndex: number;
  private cell: Cell = UNSTORED;
  /** What the local slot counted before it was set back to 0. */
  private before = 0;
  /**
   * What `collect()` has set back. As much of what it adds then is stored already: it sets the
   * counter to what something else counts.
   */
  private owed = 0;

  /** @internal */
  constructor(owner: Counter, labels: Labels) {
    super(owner, labels);
    const local = owner.slab.next();
    this.values = UNSTORED.values;
    this.index = UNSTORED.index;
    this.localValues = local.values;
    this.localIndex = local.index;
  }

  /** @internal The value of the local view. */
  get value(): number {
    return this.localValues[this.localIndex]!;
  }

  /**
   * Adds to the counter.
   *
   * @param value How much, 1 by default.
   * @throws {TypeError} when it is not a finite number.
   * @throws {Error} when it is negative.
   */
  inc(value: number | null = 1): void {
    if (this.ready && typeof value === "number" && value >= 0 && value < Infinity) {
      this.values[this.index]! += value;
      this.localValues[this.localIndex]! += value;
    } else {
      this.incChecked(value ?? 1);
    }
  }

  /** @internal Updates take the long way until nothing is owed. */
  override enter(): void {
    super.enter();
    this.ready = this.owed === 0;
  }

  /** @internal What is owed still has not been lost there, it has started again from 0. */
  override settle(): void {
    if (this.owed === 0) return;
    this.owed = 0;
    this.before += this.value;
    this.values[this.index]! += this.value;
    this.ready = this.owner.series.has(this);
  }

  /** @internal */
  override leave(): void {
    super.leave();
    if (this.owner.isCollecting) this.owed += this.value;
    this.before += this.value;
    this.localValues[this.localIndex] = 0;
    this.exemplar = undefined;
  }

  /** @internal */
  override connect(store: ProcessStore, carries = true): void {
    const total = this.before + this.value;
    if (total === 0 && !this.owner.series.has(this)) return;
    const cell = this.owner.cell(store, "", this.labels);
    if (cell === this.cell) return;
    this.cell = cell;
    this.values = cell.values;
    this.index = cell.index;
    if (carries) this.values[this.index]! += total;
  }

  /** The way of what is new or refused. */
  private incChecked(value: number): void {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new TypeError(
        `Value is not a valid number: ${formatValue(value)}`,
        this.because(value),
      );
    }
    if (value < 0) {
      throw new Error("It is not possible to decrease a counter", this.because(value));
    }
    this.enter();
    if (this.owed === 0) return this.inc(value);
    const stored = Math.min(value, this.owed);
    this.owed -= stored;
    this.before -= stored;
    this.values[this.index]! += value - stored;
    this.localValues[this.localIndex]! += value;
    this.ready = this.owed === 0;
  }

  /** What errors have as their cause. */
  private because(value: unknown): ErrorOptions {
    return becauseOfValue("add to", this.owner, value, "a finite number of 0 or more");
  }
}

/** A total that only ever grows. */
export class Counter<T extends string = string> extends BaseMetric<CounterChild, T> {
  /**
   * A counter with no series yet, or, without labels, with one at 0.
   *
   * @param configuration Name, help, and what else is wanted.
   * @throws {Error} when the configuration is invalid or the name is taken.
   */
  constructor(configuration: CounterConfiguration<T>) {
    super("counter", configuration as CounterConfiguration<string>);
    this.reset();
    this.registerIn(configuration.registers);
  }

  /**
   * Adds to a series.
   *
   * @param labels The labels of the series.
   * @param value How much, 1 by default.
   * @throws {TypeError} when the value is not a finite number.
   * @throws {Error} when the value is negative or a label is none of the counter's.
   */
  inc(labels: LabelValues<T>, value?: number): void;
  /** Adds to the series without labels. */
  inc(value?: number): void;
  /** Adds and notes an exemplar; counters with `enableExemplars` only. */
  inc(incData: IncreaseDataWithExemplar<T>): void;
  inc(first?: LabelValues<T> | IncreaseDataWithExemplar<T> | number, value?: number): void {
    if (this.enableExemplars) {
      this.incWithExemplar(first as IncreaseDataWithExemplar<T> | undefined);
    } else if (isLabels(first)) {
      const child = this.tree.find(first);
      const isNew = !child.ready;
      child.inc(value);
      if (isNew) child.labels = { ...first };
    } else {
      this.tree.bare().inc(first as number | undefined);
    }
  }

  /**
   * The series of some labels, always the same object.
   *
   * @param values Label values in the order of the names.
   * @throws {Error} when the labels are not the counter's.
   */
  labels(...values: string[]): CounterChild;
  /** The series of some labels, given as an object. */
  labels(labels: LabelValues<T>): CounterChild;
  labels(...args: unknown[]): CounterChild {
    return this.childOf(args);
  }

  /** Sets the local view back to 0, without series where there are labels. The store keeps its totals. */
  reset(): void {
    this.dropAll();
    if (this.labelNames.length === 0) this.tree.bare().enter();
  }

  /** The counter with its values in this process. */
  async get(): Promise<MetricObjectWithValues<MetricValue<T>>> {
    await this.runCollect();
    const values = Array.from(this.series, (child) => {
      const shown = { value: child.value, labels: { ...child.labels } };
      return child.exemplar === undefined ? shown : { ...shown, exemplar: child.exemplar };
    });
    const { help, name, type, aggregator } = this;
    return { help, name, type, values, aggregator } as unknown as MetricObjectWithValues<
      MetricValue<T>
    >;
  }

  /** Makes a series that does not show yet. */
  protected override makeChild(labels: Labels): CounterChild {
    return new CounterChild(this as unknown as Counter, labels);
  }

  /** What `inc()` is where exemplars are enabled. */
  private incWithExemplar(data: IncreaseDataWithExemplar<T> = {}): void {
    const { labels = {}, value = 1, exemplarLabels } = data;
    const child = this.tree.find(labels);
    const isNew = !child.ready;
    child.inc(value);
    if (isNew) child.labels = { ...labels };
    if (exemplarLabels === undefined) return;
    child.exemplar = makeExemplar(exemplarLabels as Record<string, string | number>, value || 1);
  }
}

/** Types that go with {@linkcode Counter}. */
export declare namespace Counter {
  /** What `labels()` gives. */
  interface Internal {
    /** Adds to the series; 1 by default. */
    inc(value?: number): void;
  }
}
