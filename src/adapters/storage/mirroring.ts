/**
 * Copies metrics of other libraries from time to time, beside other work.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";

/** What passes between two copies: what a SIGKILL can lose, in milliseconds. */
const SHORTEST_PAUSE_MS = 100;

/** The most that passes, however many series there are, in milliseconds. */
const LONGEST_PAUSE_MS = 1000;

/** A pause is this many times as long as the copying took: it costs at most 5 % of a core. */
const PAUSE_FACTOR = 20;

/**
 * Starts to copy again and again, which keeps no process alive.
 *
 * @param mirror Copies everything; must not throw.
 * @returns What ends it.
 */
export function startMirroring(mirror: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const schedule = (pauseMs: number): void => {
    timer = setTimeout(() => {
      const start = performance.now();
      mirror();
      schedule(pauseAfter(performance.now() - start));
    }, pauseMs);
    timer.unref();
  };
  schedule(SHORTEST_PAUSE_MS);
  return () => clearTimeout(timer);
}

/** How long to pause when copying took so long, both in milliseconds. */
export function pauseAfter(durationMs: number): number {
  return Math.min(Math.max(durationMs * PAUSE_FACTOR, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
}
