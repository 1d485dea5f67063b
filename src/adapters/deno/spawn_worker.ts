/**
 * Starts workers that are processes of their own.
 *
 * @module
 */
import type { Config } from "../../config/config.ts";
import { workerId } from "../../master/master.ts";
import type { Certificate } from "../http/certificate.ts";
import { saidByWorker, type ToWorker, type WorkerTask } from "../service/worker_protocol.ts";
import { hear, type MasterLogs, ownTask, type SharedTask } from "../service/worker_task.ts";
import type { StartWorker } from "../storage/named_writers.ts";
import { createStartProcess } from "./worker_process.ts";
import { DRAIN_SIGNAL, REOPEN_SIGNAL, type WorkerStart } from "./worker_protocol.ts";

/** What workers are started with. */
export interface SpawnWorkerOptions extends MasterLogs {
  /** The settings. */
  readonly config: Pick<Config, "maxRequests" | "maxRequestsJitter" | "logFormat">;
  /** The flags of `deno run`, permissions included. */
  readonly flags: readonly string[];
  /** What each worker is told, but for what is its own. */
  readonly start: SharedTask & Omit<WorkerStart, keyof WorkerTask | "certificate">;
  /** The workers' whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Gives each new worker the certificate of its server. */
  readonly certificate: (() => Certificate) | undefined;
}

/** Makes the function that starts worker processes. */
export function createSpawnWorker(options: SpawnWorkerOptions): StartWorker {
  const { config, flags, start, env, log } = options;
  const preload = import.meta.resolve("./worker_main.ts");
  const startProcess = createStartProcess({
    flags,
    preload,
    app: start.app,
    env,
    log,
    logFormat: config.logFormat,
  });

  return (slot, events, incarnation) => {
    const child = startProcess(workerId(slot), {
      message(message) {
        // Whatever it says, its event loop turns; a busy channel may keep its beats back.
        events.beat();
        const said = saidByWorker(message);
        if (said !== undefined) hear(said, slot, events, options);
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
  { config, start, certificate }: SpawnWorkerOptions,
  worker: Parameters<typeof ownTask>[1],
): ToWorker<WorkerStart> {
  return {
    "@gpe/cli": "start",
    start: {
      ...start,
      ...ownTask(config, worker),
      ...certificate && { certificate: certificate() },
    },
  };
}
