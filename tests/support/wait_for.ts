/** Waiting for something to become true, without a fixed sleep. */

/** How long to wait, and what to say when it was in vain. */
export interface WaitOptions {
  /** How long the condition may take, in milliseconds; default 30,000. */
  readonly deadlineMs?: number;
  /** How often it is looked at, in milliseconds; default 10. */
  readonly intervalMs?: number;
  /** What is waited for, or a function that describes the state at the end. */
  readonly what?: string | (() => string);
}

/**
 * Polls until `condition` gives something other than false, null or undefined, and returns that.
 * What `condition` throws counts as "not yet" and becomes the cause of the failure.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { deadlineMs = 30_000, intervalMs = 10, what = "the condition" } = options;
  const end = performance.now() + deadlineMs;
  let cause: unknown;
  while (true) {
    try {
      const result = await condition();
      if (result !== false && result !== null && result !== undefined) {
        return result as Exclude<T, false | null | undefined>;
      }
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) {
      const text = typeof what === "string" ? what : what();
      throw new Error(`Gave up waiting for ${text} after ${deadlineMs} ms`, { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
