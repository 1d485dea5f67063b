/**
 * Sends signals to other processes.
 *
 * @module
 */

/** Sends a signal; to a process that has ended that is no error. Permission: run. */
export function sendSignal(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    // It has ended a moment ago.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
