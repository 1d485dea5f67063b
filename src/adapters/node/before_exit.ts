/**
 * The end of a process on Node that has nothing left to do.
 *
 * @module
 */
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";

/** The process goes on for so long, in milliseconds. */
const LIMIT_MS = 500;

/**
 * Calls back, once, when nothing is left that keeps the process or thread alive. It ends when the
 * result has settled, or after half a second. A signal and `process.exit()` end it without.
 *
 * @returns What forgets it.
 */
export function callBeforeExit(callback: () => PromiseLike<unknown>): () => void {
  const onEvent = (): void => {
    // A connection that does not keep the process alive by itself may be all that is waited for.
    const limit = setTimeout(() => {}, LIMIT_MS);
    void Promise.resolve(callback()).finally(() => clearTimeout(limit));
  };
  process.once("beforeExit", onEvent);
  return () => process.off("beforeExit", onEvent);
}
