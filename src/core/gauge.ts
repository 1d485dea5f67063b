/**
 * Gauges: values that go up and down.
 *
 * @module
 */
import { MetricMisuse } from "./errors.ts";
import { GaugeChild } from "./gauge_child.ts";
import type { Labels } from "./labels.ts";
import { BaseMetric, isLabels, startStopwatch } from "./metric.ts";
import { notANumber } from "./misuse.ts";
import type {
  GaugeConfiguration,
  LabelValues,
  MetricObjectWithValues,
  MetricValue,
} from "./metric_types.ts";
import {
  addsPidLabel,
  GAUGE_MODES,
  type GaugeMode,
  isGaugeMode,
  isMostRecentMode,
  resolveGaugeMode,
} from "./modes.ts";
import type { ProcessStore } from "./process_store.ts";

/** A value that goes up and down. */
export class Gauge<T extends string = string> extends BaseMetric<GaugeChild, T> {
  /** How the values of several workers become one. */
  readonly multiprocessMode: GaugeMode;

  /**
   * A gauge with no series yet, or, without labels, with one at 0.
   *
   * @param configuration Name, help, and what else is wanted.
   * @throws {Error} when the configuration is invalid, the name is taken, or the open store keeps no
   * times and the mode needs them.
   */
  constructor(configuration: GaugeConfiguration<T>) {
    super("gauge", configuration as GaugeConfiguration<string>);
    const { name } = this;
    const { multiprocessMode: wanted, aggregator } = configuration;
    if (wanted !== undefined && !isGaugeMode(wanted)) {
      throw new MetricMisuse(
        `Cannot create gauge ${JSON.stringify(name)}: multiprocessMode is ` +
          `${JSON.stringify(wanted)}, expected one of ${GAUGE_MODES.join(", ")}`,
      );
    }
    this.multiprocessMode = resolveGaugeMode(wanted, aggregator);
    if (addsPidLabel(this.multiprocessMode) && this.labelNames.includes("pid")) {
      throw new MetricMisuse(
        `Cannot create gauge ${JSON.stringify(name)}: mode "${this.multiprocessMode}" adds the ` +
          `label "pid", expected another label name or another multiprocessMode`,
      );
    }
    if (this.labelNames.length === 0) this.series.add(this.tree.bare());
    this.registerIn(configuration.registers);
  }

  /**
   * Sets a series.
   *
   * @param labels The labels of the series.
   * @param value Any number.
   * @throws {TypeError} when the value is not a number.
   * @throws {Error} when a label is none of the gauge's.
   */
  set(labels: LabelValues<T>, value: number): void;
  /** Sets the series without labels. */
  set(value: number): void;
  set(first: LabelValues<T> | number, second?: number): void {
    if (!isLabels(first)) return this.tree.bare().set(first as number);
    if (typeof second !== "number") throw notANumber("Value", this, second);
    const child = this.tree.find(first);
    child.set(second);
    if (!sameLook(child.labels, first)) child.labels = { ...first };
  }

  /**
   * Adds to a series.
   *
   * @param labels The labels of the series.
   * @param value How much, 1 by default.
   * @throws {TypeError} when the value is not a number.
   * @throws {Error} when a label is none of the gauge's.
   */
  inc(labels: LabelValues<T>, value?: number): void;
  /** Adds to the series without labels. */
  inc(value?: number): void;
  inc(first?: LabelValues<T> | number, second?: number): void {
    this.add(first, second, 1);
  }

  /**
   * Subtracts from a series.
   *
   * @param labels The labels of the series.
   * @param value How much, 1 by default.
   * @throws {TypeError} when the value is not a number.
   * @throws {Error} when a label is none of the gauge's.
   */
  dec(labels: LabelValues<T>, value?: number): void;
  /** Subtracts from the series without labels. */
  dec(value?: number): void;
  dec(first?: LabelValues<T> | number, second?: number): void {
    this.add(first, second, -1);
  }

  /** Sets a series to the time, in seconds since the epoch. */
  setToCurrentTime(labels?: LabelValues<T>): void {
    const now = Date.now() / 1000;
    if (labels === undefined) this.set(now);
    else this.set(labels, now);
  }

  /**
   * Starts a stopwatch.
   *
   * @param labels The labels of the series; more may be given when it stops.
   * @returns Sets the series to the seconds since the start, and returns them.
   */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    const elapsed = startStopwatch();
    return (endLabels) => {
      const value = elapsed();
      this.set({ ...labels, ...endLabels } as LabelValues<T>, value);
      return value;
    };
  }

  /**
   * The series of some labels, always the same object.
   *
   * @param values Label values in the order of the names.
   * @throws {Error} when the labels are not the gauge's.
   */
  labels(...values: string[]): GaugeChild;
  /** The series of some labels, given as an object. */
  labels(labels: LabelValues<T>): GaugeChild;
  labels(...args: unknown[]): GaugeChild {
    return this.childOf(args);
  }

  /** Sets the gauge to 0; where there are labels, its series go, from the aggregate too. */
  reset(): void {
    if (this.labelNames.length > 0) return this.dropAll();
    const child = this.tree.bare();
    // First: in a slot that was marked absent 0 would be a value again, though no registry has the gauge.
    if (!child.ready) child.enter();
    child.clear();
  }

  /** The gauge with its values in this process. */
  async get(): Promise<MetricObjectWithValues<MetricValue<T>>> {
    await this.runCollect();
    const values = Array.from(
      this.series,
      (child) => ({ value: child.value, labels: { ...child.labels } }),
    );
    const { help, name, type, aggregator } = this;
    return { help, name, type, values, aggregator } as unknown as MetricObjectWithValues<
      MetricValue<T>
    >;
  }

  /**
   * Moves the values into the store.
   *
   * @throws {Error} when the mode needs times and the store keeps none.
   */
  override attach(store: ProcessStore): void {
    if (isMostRecentMode(this.multiprocessMode) && store.writer?.storesTimestamps === false) {
      throw new MetricMisuse(
        `Cannot store gauge ${
          JSON.stringify(this.name)
        }: mode "${this.multiprocessMode}" compares ` +
          `times, and layout "value" stores none, expected layout "timestamp" or another mode`,
      );
    }
    super.attach(store);
  }

  /** @internal Whether a registry has the gauge: only then it is part of the aggregate. */
  get registered(): boolean {
    return this.registries.size > 0;
  }

  /** @internal */
  override joined(registry: object): void {
    super.joined(registry);
    for (const child of this.series) child.show();
  }

  /** @internal */
  override left(registry: object): void {
    super.left(registry);
    if (!this.registered) { for (const child of this.series) child.hide(); }
  }

  /** Whether the values go into the store at all. */
  protected override get stored(): boolean {
    return this.multiprocessMode !== "omit";
  }

  /** The mode. */
  protected override get mode(): GaugeMode {
    return this.multiprocessMode;
  }

  /** Makes a series that does not show yet. */
  protected override makeChild(labels: Labels): GaugeChild {
    return new GaugeChild(this as unknown as Gauge, labels);
  }

  /** What `inc()` and `dec()` have in common. */
  private add(
    first: LabelValues<T> | number | undefined,
    second: number | undefined,
    sign: 1 | -1,
  ): void {
    const given = isLabels(first) ? second : first;
    const delta = given === undefined ? sign : sign === 1 ? given : -given;
    if (typeof delta !== "number") throw notANumber("Delta", this, delta);
    if (!isLabels(first)) return this.tree.bare().inc(delta);
    const child = this.tree.find(first);
    const isNew = !child.ready && !this.series.has(child);
    child.inc(delta);
    if (isNew) child.labels = { ...first };
  }
}

/** Types that go with {@linkcode Gauge}. */
export declare namespace Gauge {
  /** What `labels()` gives. */
  interface Internal<T extends string> {
    /** Adds to the series; 1 by default. */
    inc(value?: number): void;
    /** Subtracts from the series; 1 by default. */
    dec(value?: number): void;
    /** Sets the series. */
    set(value: number): void;
    /** Sets the series to the time, in seconds since the epoch. */
    setToCurrentTime(): void;
    /** Starts a stopwatch; what it returns sets the series to the seconds since then. */
    startTimer(): (labels?: LabelValues<T>) => number;
  }
}

/** Whether two sets of labels are printed alike. */
function sameLook(shown: Labels, given: Labels): boolean {
  const names = Object.keys(shown);
  let i = 0;
  for (const name in given) {
    if (names[i++] !== name || shown[name] !== given[name]) return false;
  }
  return i === names.length;
}
