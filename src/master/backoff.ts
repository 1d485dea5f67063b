/**
 * How long the master waits before it starts a worker again that ended before it was running.
 *
 * @module
 */

/** The wait after the first failure, in milliseconds, before chance changes it. */
const FIRST_DELAY_MS = 100;
/** The longest wait, in milliseconds. */
const LONGEST_DELAY_MS = 5000;

/**
 * The wait after a number of failures in a row: 100 ms, doubled each time up to 5 s, of which
 * half is left to chance, so that workers which failed together do not all come back together.
 *
 * @param failures Failures in a row of this worker; 1 after the first.
 * @param random A number from 0 up to but not including 1.
 * @returns Milliseconds.
 */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
  return full / 2 + (full / 2) * random;
}

/**
 * How many starts may fail in a row, over all workers and with none running, until the master
 * gives up: three for each worker, and at least six.
 *
 * @param workers The number of workers.
 */
export function bootAttempts(workers: number): number {
  return Math.max(6, 3 * workers);
}
