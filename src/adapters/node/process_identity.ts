/**
 * Who a process is, as Node can know it.
 *
 * @module
 */
import { hostname } from "node:os";
import process from "node:process";
import { errorCode } from "../../storage/filesystem/file_errors.ts";
import { type ProcessIdentity, procIdentity } from "../../storage/filesystem/process_identity.ts";

/** This process: from `/proc` on Linux, elsewhere by its pid on this machine. */
export function nodeIdentity(): ProcessIdentity {
  if (process.platform === "linux") return procIdentity(process.pid);
  const machine = `${process.platform} ${hostname()}`;
  return signalIdentity(process.pid, machine, (pid) => process.kill(pid, 0));
}

/**
 * The identity where all that can be known is whether there is a process with a pid. One that got the
 * pid of another is taken for that, so that who has died may seem to live, but not the reverse.
 *
 * @param machine Stands for the machine: pids of another one mean nothing here.
 * @param probe Throws an error with code `ESRCH` when there is no such process.
 */
export function signalIdentity(
  pid: number,
  machine: string,
  probe: (pid: number) => void,
): ProcessIdentity {
  return {
    pid,
    bootId: machine,
    pidNamespace: 0,
    startTicks(pid) {
      try {
        probe(pid);
      } catch (error) {
        // Any other error is about one that is there.
        if (errorCode(error) === "ESRCH") return "gone";
      }
      return 0;
    },
  };
}
