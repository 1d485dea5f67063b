/**
 * Notices a worker whose event loop has stopped turning.
 *
 * @module
 */
import type { Clock } from "./primitives.ts";

/** The longest time between two looks, in milliseconds. */
const LONGEST_PERIOD_MS = 1000;

/** Watches one worker until it is stopped. */
export interface Heartbeat {
  /** The worker showed that it is alive. */
  beat(): void;
  /** Ends the watch. */
  stop(): void;
}

/** How often a worker has to beat so that a timeout is never missed by chance, in milliseconds. */
export function beatPeriodMs(timeoutMs: number): number {
  return Math.min(LONGEST_PERIOD_MS, timeoutMs / 4);
}

/**
 * Calls `onSilence` once when there was no beat for `timeoutMs`; never when that is 0.
 *
 * Time in which the master itself did not run is not counted: the beats of that time wait to be
 * read.
 */
export function watchBeats(clock: Clock, timeoutMs: number, onSilence: () => void): Heartbeat {
  if (timeoutMs === 0) return { beat() {}, stop() {} };
  const periodMs = beatPeriodMs(timeoutMs);
  let last = clock.now();
  let cancel: () => void;

  function look(): void {
    const expected = clock.now() + periodMs;
    cancel = clock.schedule(() => {
      last += Math.max(0, clock.now() - expected);
      if (clock.now() - last >= timeoutMs) onSilence();
      else look();
    }, periodMs);
  }
  look();
  return {
    beat() {
      last = clock.now();
    },
    stop() {
      cancel();
    },
  };
}
