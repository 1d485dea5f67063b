/**
 * The clock of the runtime; the same on all of them.
 *
 * @module
 */
import type { Clock } from "./primitives.ts";

/** Monotonic time, timers and chance. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
