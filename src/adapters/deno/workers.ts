/**
 * The workers of `gpe serve`: what they are told and permitted, and how they are started.
 *
 * @module
 */
import type { BindAddress, Config } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { beatPeriodMs } from "../../master/heartbeat.ts";
import type { SpawnWorker } from "../../master/primitives.ts";
import { STDOUT } from "./access_log_file.ts";
import type { Certificate } from "../http/certificate.ts";
import { nameWriters } from "../storage/named_writers.ts";
import type { Storage } from "../storage/storage.ts";
import { createThreadSpawner, type ThreadSpawner } from "./spawn_thread.ts";
import { createSpawnWorker, type SpawnWorkerOptions } from "./spawn_worker.ts";
import { workerEnv } from "./worker_env.ts";
import { workerFlags } from "./worker_flags.ts";

/** What workers are given beside the settings. */
export interface WorkersOptions {
  /** Where the application listens; never port 0. */
  readonly bind: BindAddress;
  /** The application's module. */
  readonly app: URL;
  /** Where events go. */
  readonly log: Log;
  /** Where events of the storage go that concern all workers. */
  readonly storageLog: Log;
  /** Gives each new worker the certificate of its server. */
  readonly certificate: (() => Certificate) | undefined;
  /** Where their metrics are stored. */
  readonly storage: Pick<Storage, "place" | "needs" | "declareDead">;
}

/** Starts workers; disposing of it leaves nothing of them. */
export interface Workers extends AsyncDisposable {
  /** Starts one. */
  readonly spawn: SpawnWorker;
  /** Has those from now on share nothing with those before. */
  renew(): void;
}

/** Makes what starts workers of the class that is asked for. Permission: env. */
export function createWorkers(config: Config, options: WorkersOptions): Workers {
  const { bind, app, log, storageLog, certificate, storage } = options;
  const { metricPrefix, sizesByEndpoint, gracefulTimeoutMs, timeoutMs, accessLog, keepAliveMs } =
    config;
  const logFiles = accessLog === undefined || accessLog.path === STDOUT ? [] : [accessLog.path];
  const folder = app.protocol === "file:" ? [decodeURIComponent(new URL(".", app).pathname)] : [];
  // Of what a thread runs, nothing is its main module: all of it has to be permitted.
  const isThread = config.workerClass === "thread";
  const own = new URL("../../", import.meta.url);
  const ownFolder = isThread && own.protocol === "file:" ? [decodeURIComponent(own.pathname)] : [];
  const spawnOptions: SpawnWorkerOptions = {
    flags: workerFlags(config.denoFlags, {
      read: [...folder, ...storage.needs.read, ...ownFolder],
      write: [...storage.needs.write, ...logFiles],
      net: storage.needs.net,
      bind,
    }),
    start: {
      app: app.href,
      bind,
      storage: storage.place,
      metricPrefix,
      sizesByEndpoint,
      gracefulTimeoutMs,
      beatPeriodMs: beatPeriodMs(timeoutMs) / 2,
      ...accessLog && { accessLog },
      ...keepAliveMs !== undefined && { keepAliveMs },
    },
    env: workerEnv(config.workerEnv),
    certificate,
    maxRequests: config.maxRequests,
    maxRequestsJitter: config.maxRequestsJitter,
    log,
    storageLog,
    logFormat: config.logFormat,
  };
  const starter = isThread ? createThreadSpawner(spawnOptions) : processSpawner(spawnOptions);
  return { ...starter, spawn: nameWriters(starter.spawn, storage) };
}

/** Each worker is a process: it shares nothing anyway, and the master waits for its end. */
function processSpawner(options: SpawnWorkerOptions): ThreadSpawner {
  return {
    spawn: createSpawnWorker(options),
    renew() {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
