/**
 * The end of a child process, and of everything it said.
 *
 * @module
 */
import type { ChildProcess } from "node:child_process";
import { clearTimeout, setTimeout } from "node:timers";
import type { WorkerExit } from "../../master/primitives.ts";

/** How long the rest of a dead process's output may take, in milliseconds. */
const OUTPUT_MS = 1000;
/**
 * The same of its messages: they are in the channel already. Shorter, because Deno 2.9 does not
 * always say that the channel of a process which was killed early has ended.
 */
const MESSAGES_MS = 100;

/**
 * Waits for the end of a process that has just been started.
 *
 * @param output Settles when all it has printed was read.
 * @param onError Called when it could not be started.
 */
export async function processEnded(
  child: ChildProcess,
  output: Promise<unknown>,
  onError: (message: string) => void,
): Promise<WorkerExit> {
  const disconnected = new Promise<void>((resolve) => child.once("disconnect", () => resolve()));
  const exit = await new Promise<WorkerExit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", (error) => {
      onError(`Cannot start a worker process: ${error.message}`);
      if (child.pid === undefined) resolve({ code: 127, signal: null });
    });
  });
  // Messages and output may arrive after the news of the end. The time is limited because a
  // process that the application started may hold the pipes open.
  await Promise.all([settleWithin(output, OUTPUT_MS), settleWithin(disconnected, MESSAGES_MS)]);
  return exit;
}

/** Settles when the promise does, but not later than after a while. */
async function settleWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}
