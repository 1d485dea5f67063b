/**
 * The end of a process on Deno that has nothing left to do.
 *
 * @module
 */

/** The process goes on for so long, in milliseconds: SIGTERM is to end `deno serve` within a second. */
const LIMIT_MS = 500;

/**
 * Calls back, once, when nothing is left that keeps the process or isolate alive: at the end of a
 * program, and when `deno serve` has been told to end and has answered its requests. It ends when the
 * result has settled, or after half a second. Without an event loop, as after `Deno.exit()` or an
 * error, there is no such call, nor in a Web Worker.
 *
 * @returns What forgets it.
 */
export function callBeforeExit(callback: () => PromiseLike<unknown>): () => void {
  const forget = (): void => removeEventListener("beforeunload", onEvent);
  const onEvent = (event: Event): void => {
    forget();
    event.preventDefault();
    // A connection that does not keep the process alive by itself may be all that is waited for.
    const limit = setTimeout(() => {}, LIMIT_MS);
    void Promise.resolve(callback()).finally(() => clearTimeout(limit));
  };
  addEventListener("beforeunload", onEvent);
  return forget;
}
