/**
 * Gauges: values that go up and down.
 *
 * @module
 */
import { markAbsent } from "./absent.ts";
import { MetricMisuse } from "./errors.ts";
import type { Labels } from "./labels.ts";
import { BaseMetric, isLabels, MetricChild, startStopwatch } from "./metric.ts";
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
import { UNSTORED } from "./slab.ts";
import type { Cell } from "./storage.ts";

/** One series of a gauge. Keep it where the labels are known beforehand: its updates are fastest. */
export class GaugeChild extends MetricChild {
  private values: Float64Array;
  private index: number;
  private readonly localValues: Float64Array;
  private readonly localIndex: number;
  /** Whether the time of an update counts. */
  private readonly timed: boolean;
  private cell: Cell = UNSTORED;
  /** When the value was set, seconds since the epoch; 0 when it never was, or the mode needs none. */
  private setAt = 0;
  private readonly gauge: Gauge;

  /** @internal */
  constructor(owner: Gauge, labels: Labels) {
    super(owner, labels);
    const local = owner.slab.next();
    this.values = UNSTORED.values;
    this.index = UNSTORED.index;
    this.localValues = local.values;
    this.localIndex = local.index;
    this.timed = isMostRecentMode(owner.multiprocessMode);
    this.gauge = owner;
  }

  /** @internal The value of the local view. */
  get value(): number {
    return this.localValues[this.localIndex]!;
  }

  /**
   * Sets the gauge.
   *
   * @param value Any number.
   * @throws {TypeError} when it is not a number.
   */
  set(value: number): void {
    if (typeof value !== "number") throw notANumber("Value", this.owner, value);
    if (!this.ready) this.enter();
    // prom-client prints the labels as last set, in their order and types.
    if (this.kept !== undefined) this.labels = this.kept;
    this.values[this.index] = value;
    this.localValues[this.localIndex] = value;
    if (this.timed) this.noteTime();
  }

  /**
   * Adds to the gauge.
   *
   * @param value How much, 1 by default.
   * @throws {TypeError} when it is not a number.
   */
  inc(value: number = 1): void {
    if (typeof value !== "number") throw notANumber("Delta", this.owner, value);
    if (!this.ready) this.enter();
    this.values[this.index]! += value;
    this.localValues[this.localIndex]! += value;
    if (this.timed) this.noteTime();
  }

  /**
   * Subtracts from the gauge.
   *
   * @param value How much, 1 by default.
   * @throws {TypeError} when it is not a number.
   */
  dec(value: number = 1): void {
    this.inc(-value);
  }

  /** Sets the gauge to the time, in seconds since the epoch. */
  setToCurrentTime(): void {
    this.set(Date.now() / 1000);
  }

  /**
   * Starts a stopwatch.
   *
   * @returns Sets the gauge to the seconds since the start, and returns them; more labels may be given.
   */
  startTimer(): (labels?: LabelValues<string>) => number {
    return this.gauge.startTimer(this.labels as LabelValues<string>);
  }

  /** @internal Also gives the store's slot its value again where it was marked absent. */
  override enter(): void {
    super.enter();
    this.write(this.value);
  }

  /** @internal */
  override leave(): void {
    super.leave();
    this.hide();
    this.localValues[this.localIndex] = 0;
  }

  /** @internal Leaves the aggregate, while the local view stays. */
  hide(): void {
    this.ready = false;
    this.setAt = 0;
    if (this.cell !== UNSTORED) markAbsent(this.cell, this.gauge.multiprocessMode);
  }

  /** @internal A gauge that does not show has no slot in a new store. */
  override connect(store: ProcessStore): void {
    const shown = this.gauge.registered && this.owner.series.has(this);
    const cell = shown ? this.owner.cell(store, "", this.labels) : UNSTORED;
    if (cell === this.cell) return;
    if (!shown) this.ready = false;
    this.cell = cell;
    this.values = cell.values;
    this.index = cell.index;
    this.write(this.value);
  }

  /** @internal Sets it back to 0, with no time. */
  clear(): void {
    this.localValues[this.localIndex] = 0;
    this.setAt = 0;
    this.write(0);
  }

  /** Puts a value into the store's slot, with the time noted. */
  private write(value: number): void {
    this.values[this.index] = value;
    const { timestampIndex } = this.cell;
    if (this.timed && timestampIndex >= 0) this.values[timestampIndex] = this.setAt;
  }

  /** Notes that the value was set now. */
  private noteTime(): void {
    this.setAt = Date.now() / 1000;
    const { timestampIndex } = this.cell;
    if (timestampIndex >= 0) this.values[timestampIndex] = this.setAt;
  }
}

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
    this.reset();
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
    child.clear();
    if (!child.ready) child.enter();
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
    for (const child of this.series) child.enter();
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
    const isNew = !child.ready;
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
