/**
 * What the server says about each writer.
 *
 * @module
 */
import type { RedisKeys } from "./keys.ts";

/** What is known of a writer. */
export interface WriterState {
  /** Whether it was heard of lately and was not retired. */
  readonly live: boolean;
  /** Whether its totals are in an accumulator, or are on their way. */
  readonly retired: boolean;
  /** The number of its last flush; 0 when it is not known. */
  readonly sequence: number;
}

/** The keys that say it, in the order of {@linkcode readWriterStates}. */
export function writerKeys(keys: RedisKeys, writer: string): readonly string[] {
  return [keys.alive(writer), keys.tombstone(writer), keys.sequence(writer)];
}

/** Understands what the keys of these writers hold, `null` for those that are not there. */
export function readWriterStates(
  writers: readonly string[],
  values: readonly unknown[],
): ReadonlyMap<string, WriterState> {
  return new Map(writers.map((writer, i) => {
    const [alive, tombstone, sequence] = values.slice(i * 3, i * 3 + 3);
    const retired = tombstone !== null;
    return [writer, { live: alive !== null && !retired, retired, sequence: Number(sequence) || 0 }];
  }));
}
