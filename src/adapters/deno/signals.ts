/**
 * The signals that a process of Deno is sent.
 *
 * @module
 */
import type { MasterSignal } from "../../master/master_metrics.ts";
import {
  type AddSignalListener,
  listenForSignals as listen,
  type SignalHandlers,
} from "../service/signals.ts";
import { closeDebuggerPort } from "./debugger_port.ts";

/**
 * Listens for signals until disposed of.
 *
 * @param names Which of them. @default {all}
 */
export function listenForSignals(
  handlers: SignalHandlers,
  names?: readonly MasterSignal[],
): Disposable {
  return listen(handlers, { names, add });
}

const add: AddSignalListener = (signal, listener) => {
  const heard = (): void => {
    if (signal === "SIGUSR1") closeDebuggerPort();
    listener();
  };
  Deno.addSignalListener(signal, heard);
  return () => Deno.removeSignalListener(signal, heard);
};
