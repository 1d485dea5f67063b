/**
 * Starts workers that are processes of their own.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";
import { workerId } from "../../master/master.ts";
import type { SpawnWorker, WorkerEvents } from "../../master/primitives.ts";
import type { Certificate } from "./certificate.ts";
import { createStartProcess } from "./worker_process.ts";
import {
  DRAIN_SIGNAL,
  type FromWorker,
  isProtocolMessage,
  REOPEN_SIGNAL,
  type ToWorker,
  type WorkerStart,
} from "./worker_protocol.ts";

/** What workers are started with. */
export interface SpawnWorkerOptions {
  /** The flags of `deno run`, permissions included. */
  readonly flags: readonly string[];
  /** What each worker is told, but for what is its own. */
  readonly start: Omit<
    WorkerStart,
    "workerId" | "maxRequests" | "masterPid" | "certificate" | "showsProcess"
  >;
  /** After how many requests a worker is replaced; 0: never. */
  readonly maxRequests: number;
  /** The most by which chance raises that number, so that not all are replaced at once. */
  readonly maxRequestsJitter: number;
  /** The workers' whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Gives each new worker the certificate of its server. */
  readonly certificate: (() => Certificate) | undefined;
  /** Where workers' log lines go. */
  readonly log: Log;
  /** How lines that workers print are passed on. */
  readonly logFormat: "text" | "json";
}

/** Makes the function that starts worker processes. */
export function createSpawnWorker(options: SpawnWorkerOptions): SpawnWorker {
  const { flags, start, env, log, logFormat } = options;
  const preload = import.meta.resolve("./worker_main.ts");
  const startProcess = createStartProcess({
    flags,
    preload,
    app: start.app,
    env,
    log,
    logFormat,
  });

  return (slot, events) => {
    const child = startProcess(workerId(slot), {
      message(message) {
        // Whatever it says, its event loop turns; a busy channel may keep its beats back.
        events.beat();
        if (isProtocolMessage(message)) hear(message as FromWorker, slot, events, log);
      },
      failed: (message) => events.failed({ message, permanent: false }),
    });
    child.send(startMessage(options, slot, true));
    return {
      pid: child.pid,
      ended: child.ended,
      stop: (kind) => child.signal(kind === "stop" ? "SIGTERM" : DRAIN_SIGNAL),
      kill: child.kill,
      reopenLogs: () => child.signal(REOPEN_SIGNAL),
    };
  };
}

/**
 * The first message to the worker of a slot.
 *
 * @param showsProcess Whether it shows memory and processor time of its process.
 */
export function startMessage(
  options: SpawnWorkerOptions,
  slot: number,
  showsProcess: boolean,
): ToWorker {
  const { start, certificate, maxRequests, maxRequestsJitter } = options;
  const chance = Math.floor(Math.random() * (maxRequestsJitter + 1));
  return {
    "@gpe/cli": "start",
    start: {
      ...start,
      workerId: workerId(slot),
      ...certificate && { certificate: certificate() },
      maxRequests: maxRequests === 0 ? 0 : maxRequests + chance,
      masterPid: Deno.pid,
      showsProcess,
    },
  };
}

/** Passes on what a worker said. */
export function hear(message: FromWorker, slot: number, events: WorkerEvents, log: Log): void {
  switch (message["@gpe/cli"]) {
    case "beat":
      return events.beat();
    case "running":
      return events.running();
    case "worn":
      return events.worn("max_requests");
    case "failed":
      return events.failed(message.failure);
    case "log":
      return log[message.level](`${workerId(slot)}: ${message.message}`, message.fields);
  }
}
