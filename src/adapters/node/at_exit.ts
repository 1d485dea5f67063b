/**
 * The end of a process on Node, be it by a signal.
 *
 * @module
 */
import process from "node:process";

/** Signals that end a process which does not listen for them, without its event `exit`. */
const ENDING_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/**
 * Calls back when the process or thread exits, or is ended by a signal that nobody else listens for;
 * it then ends by that signal, as it would without this. SIGKILL cannot be noticed.
 *
 * @returns What forgets it.
 */
export function callAtExit(callback: () => void): () => void {
  let isForgotten = false;
  const onSignal = (signal?: NodeJS.Signals): void => {
    callback();
    // The application has emitted the event: no process ends by that.
    if (signal === undefined) return;
    // Whoever listens too decides, and is not to see that we do: some, as npm's signal-exit, end the
    // process only where nobody else listens.
    process.off(signal, onSignal);
    if (process.listenerCount(signal) === 0) return void process.kill(process.pid, signal);
    process.nextTick(() => isForgotten || process.prependListener(signal, onSignal));
  };
  process.on("exit", callback);
  // First, so that listeners which take themselves off when called still count.
  for (const signal of ENDING_SIGNALS) process.prependListener(signal, onSignal);
  return () => {
    isForgotten = true;
    process.off("exit", callback);
    for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
  };
}
