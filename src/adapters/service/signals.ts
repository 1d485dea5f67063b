/**
 * The signals that a master is sent.
 *
 * @module
 */
import process from "node:process";
import type { MasterSignal } from "../../master/master_metrics.ts";

/** A signal that comes again within this time is the same one, in milliseconds. */
const SAME_SIGNAL_MS = 250;

/** A signal, as the system names it. `chld` is no signal that anybody sends. */
type SystemSignal = `SIG${Uppercase<Exclude<MasterSignal, "chld">>}`;

/** The signals that a system has. */
const SIGNALS: readonly SystemSignal[] = process.platform === "win32" ? ["SIGINT"] : [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGTTIN",
  "SIGTTOU",
  "SIGWINCH",
];

/** What is done when a signal comes. */
export interface SignalHandlers {
  /** Called for each signal that is delivered. */
  received(signal: MasterSignal): void;
  /**
   * Called for what a signal means. Ctrl-C in `deno task` and `npm run` comes twice, from the
   * terminal and from the task runner: that is one call.
   */
  act(signal: MasterSignal): void;
}

/** Calls back at each signal of a kind; the result ends that. */
export type AddSignalListener = (signal: SystemSignal, listener: () => void) => () => void;

/** Which signals are listened for, and how. */
export interface SignalOptions {
  /** Which of them. @default {all} */
  readonly names?: readonly MasterSignal[] | undefined;
  /** Listens for one of them. @default {`process.on`} */
  readonly add?: AddSignalListener;
}

/** Listens for signals until disposed of. */
export function listenForSignals(
  handlers: SignalHandlers,
  { names, add = addProcessListener }: SignalOptions = {},
): Disposable {
  const removes: (() => void)[] = [];
  for (const signal of SIGNALS) {
    const name = signal.slice(3).toLowerCase() as MasterSignal;
    if (names !== undefined && !names.includes(name)) continue;
    let last = -Infinity;
    const stops = name === "int" || name === "term" || name === "quit";
    removes.push(add(signal, () => {
      handlers.received(name);
      const now = performance.now();
      if (!stops || now - last > SAME_SIGNAL_MS) handlers.act(name);
      last = now;
    }));
  }
  return {
    [Symbol.dispose]() {
      for (const remove of removes) remove();
    },
  };
}

const addProcessListener: AddSignalListener = (signal, listener) => {
  process.on(signal, listener);
  return () => process.off(signal, listener);
};
