/**
 * The commands to a master, of which systemd is told.
 *
 * @module
 */
import type { Master } from "../../master/master.ts";
import type { MasterCommands } from "../../master/signal_actions.ts";
import type { ServiceNotifier } from "./systemd.ts";

/** The same commands; systemd is told of a stop before it begins, and of both ends of a reload. */
export function notifiedMaster(master: Master, systemd: ServiceNotifier): MasterCommands {
  return {
    stop() {
      systemd.stopping();
      master.stop();
    },
    quit() {
      systemd.stopping();
      master.quit();
    },
    async reload() {
      systemd.reloading();
      await master.reload();
      systemd.ready();
    },
    grow: () => master.grow(),
    shrink: () => master.shrink(),
    reopenLogs: () => master.reopenLogs(),
  };
}
