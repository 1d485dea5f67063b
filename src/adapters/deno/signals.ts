/**
 * The signals that a master is sent.
 *
 * @module
 */
import { closeDebuggerPort } from "./debugger_port.ts";
import type { MasterSignal } from "../../master/master_metrics.ts";

/** A signal that comes again within this time is the same one, in milliseconds. */
const SAME_SIGNAL_MS = 250;

/** The signals that a system has; `chld` is no signal that anybody sends. */
const SIGNALS: readonly (readonly [Deno.Signal, Exclude<MasterSignal, "chld">])[] =
  Deno.build.os === "windows" ? [["SIGINT", "int"]] : [
    ["SIGHUP", "hup"],
    ["SIGINT", "int"],
    ["SIGQUIT", "quit"],
    ["SIGTERM", "term"],
    ["SIGUSR1", "usr1"],
    ["SIGUSR2", "usr2"],
    ["SIGTTIN", "ttin"],
    ["SIGTTOU", "ttou"],
    ["SIGWINCH", "winch"],
  ];

/** What is done when a signal comes. */
export interface SignalHandlers {
  /** Called for each signal that is delivered. */
  received(signal: MasterSignal): void;
  /**
   * Called for what a signal means. Ctrl-C in `deno task` comes twice, from the terminal and from
   * the task runner: that is one call.
   */
  act(signal: MasterSignal): void;
}

/**
 * Listens for signals until disposed of.
 *
 * @param names Which of them. @default {all}
 */
export function listenForSignals(
  handlers: SignalHandlers,
  names?: readonly MasterSignal[],
): Disposable {
  const wanted = SIGNALS.filter(([, name]) => names === undefined || names.includes(name));
  const listeners = wanted.map(([signal, name]) => {
    let last = -Infinity;
    const stops = name === "int" || name === "term" || name === "quit";
    const listener = (): void => {
      if (name === "usr1") closeDebuggerPort();
      handlers.received(name);
      const now = performance.now();
      if (!stops || now - last > SAME_SIGNAL_MS) handlers.act(name);
      last = now;
    };
    Deno.addSignalListener(signal, listener);
    return [signal, listener] as const;
  });
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
