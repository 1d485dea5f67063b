/**
 * The workers of `gpe serve`: what they are told and permitted, and how they are started.
 *
 * @module
 */
import type { BindAddress, Config } from "../../config/config.ts";
import type { Certificate } from "../http/certificate.ts";
import type { Workers } from "../service/service.ts";
import { type MasterLogs, sharedTask } from "../service/worker_task.ts";
import type { Storage } from "../storage/storage.ts";
import { STDOUT } from "./access_log_file.ts";
import { createThreadSpawner } from "./spawn_thread.ts";
import { createSpawnWorker, type SpawnWorkerOptions } from "./spawn_worker.ts";
import { workerEnv } from "./worker_env.ts";
import { workerFlags } from "./worker_flags.ts";

/** What workers are given beside the settings. */
export interface WorkersOptions extends MasterLogs {
  /** Where the application listens; never port 0. */
  readonly bind: BindAddress;
  /** The application's module. */
  readonly app: URL;
  /** Gives each new worker the certificate of its server. */
  readonly certificate: (() => Certificate) | undefined;
  /** Where their metrics are stored. */
  readonly storage: Pick<Storage, "place" | "needs">;
}

/** Makes what starts workers of the class that is asked for. Permission: env. */
export function createWorkers(config: Config, options: WorkersOptions): Workers {
  const { bind, app, storage } = options;
  const { accessLog } = config;
  const logFiles = accessLog === undefined || accessLog.path === STDOUT ? [] : [accessLog.path];
  const folder = app.protocol === "file:" ? [decodeURIComponent(new URL(".", app).pathname)] : [];
  // Of what a thread runs, nothing is its main module: all of it has to be permitted.
  const isThread = config.workerClass === "thread";
  const own = new URL("../../", import.meta.url);
  const ownFolder = isThread && own.protocol === "file:" ? [decodeURIComponent(own.pathname)] : [];
  const spawnOptions: SpawnWorkerOptions = {
    ...options,
    config,
    flags: workerFlags(config.denoFlags, {
      read: [...folder, ...storage.needs.read, ...ownFolder],
      write: [...storage.needs.write, ...logFiles],
      net: storage.needs.net,
      bind,
    }),
    start: {
      ...sharedTask(config, storage),
      app: app.href,
      bind,
      ...accessLog && { accessLog },
    },
    env: workerEnv(config.workerEnv, storage.place),
  };
  return isThread ? createThreadSpawner(spawnOptions) : processWorkers(spawnOptions);
}

/** Each worker is a process: it shares nothing anyway, and the master waits for its end. */
function processWorkers(options: SpawnWorkerOptions): Workers {
  return {
    spawn: createSpawnWorker(options),
    renew() {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
