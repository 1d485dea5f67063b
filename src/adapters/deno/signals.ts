/**
 * The signals that a master is sent.
 *
 * @module
 */
import type { MasterSignal } from "../../master/master_metrics.ts";

/** A signal that comes again within this time is the same one, in milliseconds. */
const SAME_SIGNAL_MS = 250;

const STOP_SIGNALS: readonly (readonly [Deno.Signal, MasterSignal])[] = Deno.build.os === "windows"
  ? [["SIGINT", "int"]]
  : [["SIGINT", "int"], ["SIGTERM", "term"]];

/** What is done when a signal comes. */
export interface SignalHandlers {
  /** Called for each signal. */
  received(signal: MasterSignal): void;
  /**
   * Called when the master shall stop. Ctrl-C in `deno task` comes twice, from the terminal and
   * from the task runner: that is one call.
   */
  stop(): void;
}

/** Listens for signals until disposed of. */
export function listenForSignals(handlers: SignalHandlers): Disposable {
  const listeners: (readonly [Deno.Signal, () => void])[] = [];
  const listen = (signal: Deno.Signal, listener: () => void): void => {
    Deno.addSignalListener(signal, listener);
    listeners.push([signal, listener]);
  };
  for (const [signal, name] of STOP_SIGNALS) {
    let last = -Infinity;
    listen(signal, () => {
      handlers.received(name);
      const now = performance.now();
      if (now - last > SAME_SIGNAL_MS) handlers.stop();
      last = now;
    });
  }
  // Without a listener the runtime opens a debugger port on SIGUSR1.
  if (Deno.build.os !== "windows") listen("SIGUSR1", () => handlers.received("usr1"));
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
