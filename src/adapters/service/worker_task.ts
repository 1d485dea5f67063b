/**
 * What the workers of a master are told, and what they tell.
 *
 * @module
 */
import process from "node:process";
import type { Config } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { beatPeriodMs } from "../../master/heartbeat.ts";
import { workerId } from "../../master/master.ts";
import type { WorkerEvents } from "../../master/primitives.ts";
import type { Storage } from "../storage/storage.ts";
import type { FromWorker, WorkerTask } from "./worker_protocol.ts";

/** What differs from worker to worker. */
type Own = "workerId" | "incarnation" | "maxRequests" | "masterPid" | "showsProcess";

/** What all workers of a master are told. */
export type SharedTask = Omit<WorkerTask, Own>;

/** What the settings say to all workers. */
export function sharedTask(config: Config, storage: Pick<Storage, "place">): SharedTask {
  const { metricPrefix, sizesByEndpoint, gracefulTimeoutMs, timeoutMs, keepAliveMs } = config;
  return {
    storage: storage.place,
    metricPrefix,
    sizesByEndpoint,
    gracefulTimeoutMs,
    beatPeriodMs: beatPeriodMs(timeoutMs) / 2,
    ...keepAliveMs !== undefined && { keepAliveMs },
  };
}

/** What one worker is told beside that. */
export function ownTask(
  { maxRequests, maxRequestsJitter }: Pick<Config, "maxRequests" | "maxRequestsJitter">,
  worker: Pick<WorkerTask, "incarnation" | "showsProcess"> & { readonly slot: number },
): Pick<WorkerTask, Own> {
  const { slot, incarnation, showsProcess } = worker;
  const chance = Math.floor(Math.random() * (maxRequestsJitter + 1));
  return {
    workerId: workerId(slot),
    incarnation,
    maxRequests: maxRequests === 0 ? 0 : maxRequests + chance,
    masterPid: process.pid,
    showsProcess,
  };
}

/** The logs of a master: its own, and that for what all workers say alike. */
export interface MasterLogs {
  /** Where events go. */
  readonly log: Log;
  /** Where events of the storage go that concern all workers. */
  readonly storageLog: Log;
}

/** Passes on what a worker said. */
export function hear(
  message: FromWorker,
  slot: number,
  events: WorkerEvents,
  { log, storageLog }: MasterLogs,
): void {
  switch (message["@gpe/cli"]) {
    case "hello":
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
