/**
 * How long the gauges of dead writers that have a series for each writer stay.
 *
 * @module
 */

/** Limits for gauges of mode `all` of writers that are dead; what is past either is dropped. */
export interface Retention {
  /** How long they stay after the writer was found dead. */
  readonly seconds: number;
  /** How many writers' stay. */
  readonly writers: number;
}

/** What stays where nothing else is asked for. */
export const DEFAULT_RETENTION: Retention = { seconds: 3600, writers: 100 };

/** A writer, and when it was found dead, in seconds since the epoch. */
export type Death = readonly [id: string, since: number];

/** Those that stay, the latest first. @param now Seconds since the epoch */
export function retained(
  deaths: readonly Death[],
  { seconds, writers }: Retention,
  now: number,
): Death[] {
  return deaths.toSorted(([, a], [, b]) => b - a)
    .slice(0, writers)
    .filter(([, since]) => now - since < seconds);
}
