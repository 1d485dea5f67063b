/**
 * One series of a gauge.
 *
 * @module
 */
import { markAbsent } from "./absent.ts";
import type { Gauge } from "./gauge.ts";
import type { Labels } from "./labels.ts";
import { MetricChild } from "./metric.ts";
import { notANumber } from "./misuse.ts";
import type { LabelValues } from "./metric_types.ts";
import { isMostRecentMode } from "./modes.ts";
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
  /** Whether anything has set it: a gauge without labels shows at 0 before. */
  private isSet = false;
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

  /** @internal */
  override enter(): void {
    this.isSet = true;
    super.enter();
    this.write(this.value);
  }

  /** @internal Takes its part in the aggregate, also where its slot in the store was marked absent. */
  show(): void {
    this.connectIfOpen();
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
  override connect(store: ProcessStore, carries = true): void {
    const shown = this.gauge.registered && this.owner.series.has(this) && !this.waits;
    const cell = shown ? this.owner.cell(store, "", this.labels) : UNSTORED;
    if (cell === this.cell) return;
    if (!shown) this.ready = false;
    // It has one value: not under the former labels as well.
    if (!carries && this.cell !== UNSTORED) markAbsent(this.cell, this.gauge.multiprocessMode);
    this.cell = cell;
    this.values = cell.values;
    this.index = cell.index;
    this.write(this.value);
  }

  /** @internal What has waited for that shows now. */
  override settle(): void {
    if (!this.ready && this.gauge.registered && this.owner.series.has(this)) this.show();
  }

  /** @internal Sets it back to 0, with no time. */
  clear(): void {
    this.localValues[this.localIndex] = 0;
    this.setAt = 0;
    this.write(0);
  }

  /** Whether it is still at the 0 of its start, which `collect()` is to replace: no worker's value. */
  private get waits(): boolean {
    const { collect, hasCollected } = this.gauge;
    return !this.isSet && !hasCollected && collect !== undefined;
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
