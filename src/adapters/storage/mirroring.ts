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

/** How long copying may keep other work waiting, in milliseconds; one metric is copied at once. */
const TURN_MS = 5;

/**
 * Starts to copy again and again, which keeps no process alive.
 *
 * @param mirror Copies everything, a step at a time; must not throw.
 * @returns What ends it.
 */
export function startMirroring(mirror: () => Iterator<void>): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const schedule = (run: () => void, pauseMs: number): void => {
    timer = setTimeout(run, pauseMs);
    timer.unref();
  };
  const begin = (): void => goOn(mirror(), 0);
  const goOn = (steps: Iterator<void>, beforeMs: number): void => {
    const start = performance.now();
    let done: boolean | undefined;
    let tookMs = 0;
    while (!done && tookMs < TURN_MS) {
      done = steps.next().done;
      tookMs = performance.now() - start;
    }
    const durationMs = beforeMs + tookMs;
    if (done) schedule(begin, pauseAfter(durationMs));
    else schedule(() => goOn(steps, durationMs), 0);
  };
  schedule(begin, SHORTEST_PAUSE_MS);
  return () => clearTimeout(timer);
}

/** How long to pause when copying took so long, both in milliseconds. */
export function pauseAfter(durationMs: number): number {
  return Math.min(Math.max(durationMs * PAUSE_FACTOR, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
}
