/**
 * Requests share work in rounds: one round runs, and everybody who arrives meanwhile shares the
 * next one. A request never joins a round that has begun, because that round may have read before
 * the request was made, and a scrape must show everything that was counted before it was asked for.
 *
 * @module
 */

/** Runs rounds one after the other. */
export interface Rounds<W, R> {
  /** Takes part in the next round to begin, asking for `want`. */
  join(want: W): Promise<R>;
}

/**
 * @param run Does one round for everything that was asked for; never overlaps with itself.
 */
export function createRounds<W, R>(run: (wanted: ReadonlySet<W>) => Promise<R>): Rounds<W, R> {
  let last: Promise<unknown> = Promise.resolve();
  let next: { wanted: Set<W>; result: Promise<R> } | undefined;
  const plan = (): { wanted: Set<W>; result: Promise<R> } => {
    const wanted = new Set<W>();
    const result = last.then(() => {
      next = undefined;
      return run(wanted);
    });
    // Whoever joined sees the failure; the next round begins regardless.
    last = result.catch(() => {});
    return { wanted, result };
  };
  return {
    join(want) {
      next ??= plan();
      next.wanted.add(want);
      return next.result;
    },
  };
}
