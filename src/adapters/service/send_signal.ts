/**
 * Sends signals to other processes.
 *
 * @module
 */
import process from "node:process";
import { errorCode } from "../../storage/filesystem/file_errors.ts";

/** Sends a signal; to a process that has ended that is no error. Permission on Deno: run. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has ended a moment ago.
    if (errorCode(error) !== "ESRCH") throw error;
  }
}
