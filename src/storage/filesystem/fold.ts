/**
 * Adds the values of retired writers up: what the aggregation would print for them stays the same,
 * to the last bit.
 *
 * @module
 */
import { isAbsent } from "../../core/absent.ts";
import { ExactSum } from "../../core/exact_sum.ts";
import { withoutHelp } from "../../core/sample_key.ts";
import { isNewer } from "../../core/source_values.ts";
import type { SampleSource } from "../../core/storage.ts";
import type { Accumulator, SampleType, Totals, Trailer } from "./accumulator_format.ts";

/** The totals of one type. */
export class Fold implements Totals {
  readonly keys: string[] = [];
  readonly values: number[] = [];
  readonly times: number[] = [];
  readonly #type: SampleType;
  readonly #entries = new Map<string, number>();
  readonly #components = new Map<number, readonly number[]>();
  /** The exact sums of entries that something was added to. */
  readonly #sums = new Map<number, ExactSum>();

  /** @param before The totals so far. */
  constructor(type: SampleType, before: Accumulator | undefined) {
    this.#type = type;
    if (before === undefined) return;
    const { keys, slots, values, layout, components } = before;
    keys.forEach((key, i) => {
      const slot = slots[i] as number;
      const time = layout === "timestamp" ? values[slot + 1] as number : 0;
      this.#append(key, values[slot] as number, time);
    });
    for (const [entry, ...rest] of components) this.#components.set(entry, rest);
  }

  /** Adds the values of a writer. Series without a value are left out, as on a page. */
  add({ keys, values, slots, hasTimestamps }: SampleSource): void {
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
        default:
          return this.#addTo(this.#entryOf(key) ?? this.#append(key, 0, 0), value);
      }
    });
  }

  /** What doubles cannot hold of the sums. Brings the values up to date. */
  finish(): Trailer["components"] {
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
