/**
 * What is undone at the end. `AsyncDisposableStack` is not on Node before 24.
 *
 * @module
 */

/** Collects what has to be undone. */
export interface Cleanup {
  /** Disposes of it at the end. @returns the same */
  use<T extends Disposable | AsyncDisposable>(resource: T): T;
  /** Calls it at the end. */
  defer(undo: () => unknown): void;
}

/**
 * Runs a function and then undoes what it has collected, the last thing first, everything whatever
 * fails.
 *
 * @throws What failed; an AggregateError when there was more than one failure.
 */
export async function withCleanup<T>(run: (cleanup: Cleanup) => Promise<T>): Promise<T> {
  const undos: (() => unknown)[] = [];
  const errors: unknown[] = [];
  let result: T | undefined;
  try {
    result = await run({
      use(resource) {
        undos.push(() =>
          Symbol.asyncDispose in resource
            ? resource[Symbol.asyncDispose]()
            : resource[Symbol.dispose]()
        );
        return resource;
      },
      defer: (undo) => void undos.push(undo),
    });
  } catch (error) {
    errors.push(error);
  }
  for (const undo of undos.reverse()) {
    try {
      await undo();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) {
    const [first] = errors;
    throw new AggregateError(errors, first instanceof Error ? first.message : String(first), {
      cause: first,
    });
  }
  return result as T;
}
