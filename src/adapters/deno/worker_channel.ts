/**
 * The worker's end of the IPC channel to its master.
 *
 * @module
 */
import process from "node:process";
import type { Log, LogLevel } from "../../core/log.ts";
import {
  type FromWorker,
  isProtocolMessage,
  type ToWorker,
  type WorkerStart,
} from "./worker_protocol.ts";

/** The connection of a worker to its master. It never keeps the process alive. */
export interface WorkerChannel {
  /** What the worker has to know, once the master has said it. */
  readonly start: Promise<WorkerStart>;
  /** Writes to the master's log. */
  readonly log: Log;
  /** Sends a message; resolves when it is on its way, or cannot be sent because the master is gone. */
  send(message: FromWorker): Promise<void>;
}

/**
 * Takes the channel that the process was started with.
 *
 * @param onMasterGone Called when the master has ended, in whatever way.
 * @throws {Error} when the process was not started by a master
 */
export function openWorkerChannel(onMasterGone: () => void): WorkerChannel {
  if (process.send === undefined) {
    throw new Error("Cannot run a worker: there is no channel, expected to be started by a master");
  }
  const send = (message: FromWorker): Promise<void> =>
    new Promise((resolve) => {
      // Where it fails the master is gone, and `onMasterGone` ends the worker.
      if (process.connected) process.send!(message, () => resolve());
      else resolve();
    });
  const start = new Promise<WorkerStart>((resolve) => {
    process.on("message", function receive(message: unknown) {
      if (!isProtocolMessage(message)) return;
      const told = message as ToWorker;
      process.removeListener("message", receive);
      process.channel?.unref?.();
      resolve(told.start);
    });
  });
  process.on("disconnect", onMasterGone);

  return { start, send, log: createChannelLog(send) };
}

/**
 * A log whose lines are sent to the master.
 *
 * @param shared Whether the other workers say the same. Default false.
 */
export function createChannelLog(
  send: (message: FromWorker) => Promise<void>,
  shared = false,
): Log {
  const level = (level: LogLevel): Log[LogLevel] => (message, fields) =>
    void send({
      "@gpe/cli": "log",
      level,
      message,
      ...fields && { fields: JSON.parse(JSON.stringify(fields, plain)) },
      ...shared && { shared },
    });
  return {
    debug: level("debug"),
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
  };
}

/** An Error has no members that JSON would show. */
function plain(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
