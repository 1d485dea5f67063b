/**
 * Bringing up to date what is copied into the store rather than shared with it.
 *
 * @module
 */
import type { ProcessStore, Storable } from "./process_store.ts";

/**
 * Runs every connected metric's `snapshot()`: `collect()` callbacks, and copies of other libraries'
 * metrics. A metric whose last run is not over is left out. One that fails does not keep another
 * from its turn; one that never ends keeps the promise from settling, so do not wait without a limit.
 *
 * @param store The store.
 * @param onError Told of each failure, as it happens.
 * @returns How many failed.
 */
export async function snapshotAll(
  store: ProcessStore,
  onError: (error: unknown, storable: Storable) => void = () => {},
): Promise<number> {
  let failures = 0;
  const run = async (storable: Storable): Promise<void> => {
    try {
      await storable.snapshot?.();
    } catch (error) {
      failures++;
      onError(error, storable);
    }
  };
  await Promise.all(Array.from(store.connected, run));
  return failures;
}

/**
 * Runs every connected metric's `mirror()`: copies of other libraries' metrics as far as they can be
 * made without waiting. One that fails does not keep another from its turn.
 *
 * @param store The store.
 * @param onError Told of each failure.
 */
export function mirrorAll(
  store: ProcessStore,
  onError: (error: unknown, storable: Storable) => void,
): void {
  for (const _ of mirrorEach(store, onError)) { /* One after the other, without a break. */ }
}

/** {@linkcode mirrorAll} in steps of one metric, between which other work may be done. */
export function* mirrorEach(
  store: ProcessStore,
  onError: (error: unknown, storable: Storable) => void,
): Generator<void> {
  for (const storable of store.connected) {
    if (storable.mirror === undefined) continue;
    try {
      storable.mirror();
    } catch (error) {
      onError(error, storable);
    }
    yield;
  }
}
