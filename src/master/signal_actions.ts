/**
 * What a master does at a signal.
 *
 * @module
 */
import type { Log } from "../core/log.ts";
import type { Master } from "./master.ts";
import type { MasterSignal } from "./master_metrics.ts";

/** What a master can be asked to do. */
export type MasterCommands = Pick<
  Master,
  "stop" | "quit" | "reload" | "grow" | "shrink" | "reopenLogs"
>;

/** What each signal means; as with Gunicorn, but for USR2 and WINCH, which have no meaning here. */
export function actOnSignals(master: MasterCommands, log: Log): (signal: MasterSignal) => void {
  const actions: Partial<Record<MasterSignal, () => void>> = {
    term: () => master.stop(),
    int: () => master.quit(),
    quit: () => master.quit(),
    hup: () => void master.reload(),
    ttin: () => master.grow(),
    ttou: () => master.shrink(),
    usr1: () => master.reopenLogs(),
    usr2: () => log.warn("Ignored SIGUSR2: a new master cannot take over, expected SIGHUP"),
  };
  return (signal) => actions[signal]?.();
}
