/**
 * Reading the values of one source into the sums and picks of an aggregation: the loops that every scrape
 * runs over all entries.
 *
 * @module
 */
import { isAbsent } from "./absent.ts";
import type { Plan } from "./aggregation_table.ts";
import type { ExactSums } from "./exact_sums.ts";

/** What the loops fill, by series index. */
export interface Totals {
  readonly sums: ExactSums;
  /** The value picked so far, NaN before the first. */
  readonly picks: Float64Array;
  /** The time of the value picked so far, 0 before the first. */
  readonly times: Float64Array;
  /** How many entries hold no value. */
  readonly absent: Uint32Array;
}

/** Adds every value of a source whose values add up. */
export function addEntries(plan: Plan, totals: Totals): void {
  const { source, targets } = plan;
  const { values, slots, components } = source;
  const { sums, absent } = totals;
  for (let i = 0; i < plan.placed; i++) {
    const target = targets[i] as number;
    if (target < 0) continue;
    const slot = slots[i] as number;
    const value = values[slot] as number;
    if (value !== value && isAbsent(values, slot)) (absent[target] as number)++;
    else sums.add(target, value);
  }
  if (components === undefined) return;
  for (const [entry, rest] of components) {
    const target = entry < plan.placed ? targets[entry] as number : -1;
    if (target < 0) continue;
    for (const component of rest) sums.add(target, component);
  }
}

/** Compares every value of a source, of which one in the end is the result, with what was picked. */
export function pickEntries(plan: Plan, totals: Totals): void {
  const { source, targets } = plan;
  const { values, slots } = source;
  const { picks, absent } = totals;
  const pick = pickOf(plan);
  for (let i = 0; i < plan.placed; i++) {
    const target = targets[i] as number;
    if (target < 0) continue;
    const slot = slots[i] as number;
    const value = values[slot] as number;
    if (value !== value && isAbsent(values, slot)) (absent[target] as number)++;
    else pick(target, value, slot);
  }

  function pickOf({ source: { mode, hasTimestamps } }: Plan): (
    target: number,
    value: number,
    slot: number,
  ) => void {
    const { times } = totals;
    const current = (target: number): number => picks[target] as number;
    switch (mode) {
      // A NaN counts only while there is nothing else.
      case "min":
      case "livemin":
        return (target, value) => {
          if (!(value >= current(target)) && value === value) picks[target] = value;
        };
      case "max":
      case "livemax":
        return (target, value) => {
          if (!(value <= current(target)) && value === value) picks[target] = value;
        };
      // A value without a time was never set. Of equal times the higher value, so that it makes no
      // difference in which order writers are read or folded.
      case "mostrecent":
      case "livemostrecent":
        return (target, value, slot) => {
          const time = hasTimestamps ? values[slot + 1] as number : Number.MIN_VALUE;
          if (!(time > 0)) (absent[target] as number)++;
          else if (isNewer(value, time, current(target), times[target] as number)) {
            picks[target] = value;
            times[target] = time;
          }
        };
      case "first":
        return (target, value) => {
          if (times[target] === 0) {
            picks[target] = value;
            times[target] = 1;
          }
        };
      // "all", "liveall": one writer each; of its several sources the last, as Python's collector.
      default:
        return (target, value) => {
          picks[target] = value;
        };
    }
  }
}

/**
 * Whether a value that was set at a time takes the place of another one. Of equal times the higher value
 * wins, and any against NaN, so that the order of comparisons makes no difference.
 */
export function isNewer(
  value: number,
  time: number,
  otherValue: number,
  otherTime: number,
): boolean {
  if (time !== otherTime) return time > otherTime;
  return value > otherValue || otherValue !== otherValue;
}
