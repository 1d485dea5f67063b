/**
 * Observers of a master, brought together.
 *
 * @module
 */
import type { MasterObserver } from "./master.ts";

/** Tells each of them, in this order. */
export function observeAll(...observers: readonly Partial<MasterObserver>[]): MasterObserver {
  return {
    opened: (slot) => observers.forEach((each) => each.opened?.(slot)),
    state: (slot, state) => observers.forEach((each) => each.state?.(slot, state)),
    pool: (counts) => observers.forEach((each) => each.pool?.(counts)),
    ended: (slot) => observers.forEach((each) => each.ended?.(slot)),
    restarted: (slot, reason, type) =>
      observers.forEach((each) => each.restarted?.(slot, reason, type)),
  };
}

/** Calls `announce` when the first worker runs: where to find a service that never ran helps nobody. */
export function onceRunning(announce: () => void): Pick<MasterObserver, "state"> {
  let announced = false;
  return {
    state(_slot, state) {
      if (announced || state !== "running") return;
      announced = true;
      announce();
    },
  };
}
