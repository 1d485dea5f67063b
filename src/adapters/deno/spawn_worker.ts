/**
 * Starts workers that are processes of their own.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";
import { workerId } from "../../master/master.ts";
import type { WorkerEvents } from "../../master/primitives.ts";
import type { StartWorker } from "../storage/named_writers.ts";
import type { Certificate } from "../http/certificate.ts";
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
    "workerId" | "incarnation" | "maxRequests" | "masterPid" | "certificate" | "showsProcess"
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
  /** Where those lines go that all workers say alike. */
  readonly storageLog: Log;
  /** How lines that workers print are passed on. */
  readonly logFormat: "text" | "json";
}

/** Makes the function that starts worker processes. */
export function createSpawnWorker(options: SpawnWorkerOptions): StartWorker {
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

  return (slot, events, incarnation) => {
    const child = startProcess(workerId(slot), {
      message(message) {
        // Whatever it says, its event loop turns; a busy channel may keep its beats back.
        events.beat();
        if (isProtocolMessage(message)) hear(message as FromWorker, slot, events, options);
      },
      failed: (message) => events.failed({ message, permanent: false }),
    });
    child.send(startMessage(options, { slot, incarnation, showsProcess: true }));
    return {
      pid: child.pid,
      ended: child.ended,
      stop: (kind) => child.signal(kind === "stop" ? "SIGTERM" : DRAIN_SIGNAL),
      kill: child.kill,
      reopenLogs: () => child.signal(REOPEN_SIGNAL),
    };
  };
}

/** The first message to a worker. */
export function startMessage(
  options: SpawnWorkerOptions,
  worker: Pick<WorkerStart, "incarnation" | "showsProcess"> & { readonly slot: number },
): ToWorker {
  const { slot, incarnation, showsProcess } = worker;
  const { start, certificate, maxRequests, maxRequestsJitter } = options;
  const chance = Math.floor(Math.random() * (maxRequestsJitter + 1));
  return {
    "@gpe/cli": "start",
    start: {
      ...start,
      workerId: workerId(slot),
      incarnation,
      ...certificate && { certificate: certificate() },
      maxRequests: maxRequests === 0 ? 0 : maxRequests + chance,
      masterPid: Deno.pid,
      showsProcess,
    },
  };
}

/** Passes on what a worker said. */
export function hear(
  message: FromWorker,
  slot: number,
  events: WorkerEvents,
  { log, storageLog }: Pick<SpawnWorkerOptions, "log" | "storageLog">,
): void {
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
      if (message.shared) return storageLog[message.level](message.message, message.fields);
      return log[message.level](`${workerId(slot)}: ${message.message}`, message.fields);
  }
}
