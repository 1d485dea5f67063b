/**
 * Adds the values of retired writers up: what the aggregation would print for them stays the same,
 * to the last bit.
 *
 * @module
 */
import { isAbsent } from "../core/absent.ts";
import { ExactSum } from "../core/exact_sum.ts";
import type { GaugeMode } from "../core/modes.ts";
import { withoutHelp } from "../core/sample_key.ts";
import { isNewer } from "../core/source_values.ts";
import type { MetricKind, SampleSource } from "../core/storage.ts";

/** A type of samples. */
export interface SampleType {
  /** The type of the metrics. */
  readonly kind: MetricKind;
  /** The mode of gauges. */
  readonly mode: GaugeMode | undefined;
}

/** The types whose values outlive their writers: those that have an accumulator. */
export const FOLDED_TYPES: readonly SampleType[] = [
  { kind: "counter", mode: undefined },
  { kind: "histogram", mode: undefined },
  { kind: "summary", mode: undefined },
  { kind: "gauge", mode: "sum" },
  { kind: "gauge", mode: "min" },
  { kind: "gauge", mode: "max" },
  { kind: "gauge", mode: "mostrecent" },
];

/** Values as a reader finds them. */
export type FoldSource = Pick<
  SampleSource,
  "keys" | "values" | "slots" | "hasTimestamps" | "components"
>;

/** The rest of a sum that no double holds: the entry, and what is to be added to its value. */
export type EntryComponents = readonly [entry: number, ...rest: readonly number[]];

/** The totals of one type, entry by entry. */
export class Fold {
  /** The sample keys. */
  readonly keys: string[] = [];
  /** The rounded values. */
  readonly values: number[] = [];
  /** When they were set, seconds since the epoch; 0 where that has no meaning. */
  readonly times: number[] = [];
  readonly #type: SampleType;
  readonly #entries = new Map<string, number>();
  readonly #components = new Map<number, readonly number[]>();
  /** The exact sums of entries that something was added to. */
  readonly #sums = new Map<number, ExactSum>();

  /** @param before The totals so far. */
  constructor(type: SampleType, before: FoldSource | undefined) {
    this.#type = type;
    if (before === undefined) return;
    const { keys, slots, values, hasTimestamps, components } = before;
    keys.forEach((key, i) => {
      const slot = slots[i] as number;
      this.#append(key, values[slot] as number, hasTimestamps ? values[slot + 1] as number : 0);
    });
    for (const [entry, rest] of components ?? []) this.#components.set(entry, rest);
  }

  /** Adds the values of a writer. Series without a value are left out, as on a page. */
  add({ keys, values, slots, hasTimestamps, components }: FoldSource): void {
    keys.forEach((key, i) => {
      const slot = slots[i] as number;
      const value = values[slot] as number;
      if (value !== value && isAbsent(values, slot)) return;
      switch (this.#type.mode) {
        case "min":
          return this.#pick(key, value, (current) => !(value >= current));
        case "max":
          return this.#pick(key, value, (current) => !(value <= current));
        case "mostrecent":
          return this.#replace(key, value, hasTimestamps ? values[slot + 1] as number : 0);
      }
      const entry = this.#entryOf(key) ?? this.#append(key, 0, 0);
      this.#addTo(entry, value);
      for (const component of components?.get(i) ?? []) this.#addTo(entry, component);
    });
  }

  /** What doubles cannot hold of the sums. Brings the values up to date. */
  finish(): readonly EntryComponents[] {
    for (const [entry, sum] of this.#sums) {
      this.values[entry] = sum.rounded();
      const rest = sum.components();
      if (rest.length === 0) this.#components.delete(entry);
      else this.#components.set(entry, rest);
    }
    return [...this.#components].sort(([a], [b]) => a - b).map(([entry, rest]) => [entry, ...rest]);
  }

  #entryOf(key: string): number | undefined {
    return this.#entries.get(withoutHelp(key));
  }

  #append(key: string, value: number, time: number): number {
    const entry = this.keys.push(key) - 1;
    this.values.push(value);
    this.times.push(time);
    this.#entries.set(withoutHelp(key), entry);
    return entry;
  }

  #addTo(entry: number, value: number): void {
    let sum = this.#sums.get(entry);
    if (sum === undefined) {
      this.#sums.set(entry, sum = new ExactSum());
      sum.add(this.values[entry] as number);
      for (const component of this.#components.get(entry) ?? []) sum.add(component);
    }
    sum.add(value);
  }

  /** A NaN counts only while there is nothing else. */
  #pick(key: string, value: number, wins: (current: number) => boolean): void {
    const entry = this.#entryOf(key);
    if (entry === undefined) this.#append(key, value, 0);
    else if (value === value && wins(this.values[entry] as number)) this.values[entry] = value;
  }

  /** A value without a time was never set. */
  #replace(key: string, value: number, time: number): void {
    if (!(time > 0)) return;
    const entry = this.#entryOf(key);
    if (entry === undefined) {
      this.#append(key, value, time);
    } else if (isNewer(value, time, this.values[entry] as number, this.times[entry] as number)) {
      this.values[entry] = value;
      this.times[entry] = time;
    }
  }
}
