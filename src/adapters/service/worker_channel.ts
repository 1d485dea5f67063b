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
  type WorkerTask,
} from "./worker_protocol.ts";

/** What a worker hears on its channel. */
export interface ChannelEvents<Task extends WorkerTask> {
  /** The master says something. */
  received(message: ToWorker<Task>): void;
  /** The master has ended, in whatever way. */
  masterGone(): void;
}

/** The connection of a worker to its master. */
export interface WorkerChannel {
  /** Writes to the master's log. */
  readonly log: Log;
  /** Sends a message; resolves when it is on its way, or cannot be sent because the master is gone. */
  send(message: FromWorker): Promise<void>;
  /** Hears no further messages; that the master is gone is still told. */
  mute(): void;
}

/**
 * Takes the channel that the process was started with.
 *
 * @throws {Error} when the process was not started by a master
 */
export function openWorkerChannel<Task extends WorkerTask>(
  events: ChannelEvents<Task>,
): WorkerChannel {
  if (process.send === undefined) {
    throw new Error("Cannot run a worker: there is no channel, expected to be started by a master");
  }
  const send = (message: FromWorker): Promise<void> =>
    new Promise((resolve) => {
      // Where it fails the master is gone, and `masterGone` ends the worker.
      if (process.connected) process.send!(message, () => resolve());
      else resolve();
    });
  const receive = (message: unknown): void => {
    if (isProtocolMessage(message)) events.received(message as ToWorker<Task>);
  };
  process.on("message", receive);
  // First: a worker of node:cluster exits at once when nobody has said that it may go on.
  process.prependListener("disconnect", events.masterGone);
  return {
    log: createChannelLog(send),
    send,
    mute: () => void process.removeListener("message", receive),
  };
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
