/**
 * A worker of a cluster, whose primary is `runPrimary()`.
 *
 * @module
 */
import cluster from "node:cluster";
import type { Server } from "node:http";
import type { Server as HttpsServer } from "node:https";
import { Server as NetServer } from "node:net";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { isMainThread } from "node:worker_threads";
import { recordOwnAddress } from "../http/own_address.ts";
import { dieWithParent } from "../libc/die_with_parent.ts";
import { workerInstrumentation } from "../library/instrument.ts";
import { createServiceWorker, ORPHAN_GRACE_MS, workerStorage } from "../service/service_worker.ts";
import { openWorkerChannel } from "../service/worker_channel.ts";
import type { WorkerTask } from "../service/worker_protocol.ts";
import { tellThreads } from "../storage/thread_place.ts";
import { foreignFunctions } from "./libc.ts";
import { takeBrief, type WorkerBrief } from "./worker_brief.ts";

/** What an application does at a worker's end, and when its log files are to be opened anew. */
export interface StartWorkerOptions {
  /**
   * Called when the worker's server has stopped and before its metrics are closed, such as to close
   * connections to a database. The worker ends when the result has settled.
   */
  readonly onStop?: () => unknown;
  /** Called when the primary got SIGUSR1: log files are to be opened anew. */
  readonly onReopenLogs?: () => void;
}

/** A worker that has started. */
export interface ClusterWorker {
  /** Its name, `worker_1` and so on: what the label `worker_id` shows. */
  readonly id: string;
  /**
   * Says that the application serves, where that cannot be noticed: it does so with something else
   * than `node:http` and `node:https`, or began before `startWorker()` was called.
   *
   * @param server Is recorded from now on, and drained when the worker ends.
   */
  ready(server?: Server | HttpsServer): void;
}

const IS_DENO = "Deno" in globalThis;
/**
 * The longest that a drain waits for clients on Deno, in milliseconds: its workers take new
 * connections to the end.
 */
const DENO_LINGER_MS = 1000;

/** How long the primary may take to take its port back from a worker that ends, in milliseconds. */
const LEAVE_MS = 1000;

/**
 * Makes this process a worker of the cluster: it opens the storage, records the first server of
 * `node:http` or `node:https` that listens, says that its event loop turns, and ends in order when the
 * primary says so, at SIGTERM, and when the primary is gone.
 *
 * To be awaited before the application listens. Where it is not, requests are counted all the same,
 * but those before the storage is open are lost with the process when it is killed.
 *
 * @example
 * ```ts ignore
 * import cluster from "node:cluster";
 * import http from "node:http";
 * import { runPrimary, startWorker } from "@gpe/cli/node";
 *
 * if (cluster.isPrimary) {
 *   process.exitCode = await runPrimary({ workers: 4 });
 * } else {
 *   await startWorker();
 *   http.createServer((_request, response) => response.end("Hello\n")).listen(8000);
 * }
 * ```
 * @throws {Error} When the process is no worker, or no worker of `runPrimary()`.
 */
export async function startWorker(options: StartWorkerOptions = {}): Promise<ClusterWorker> {
  const brief = briefOfWorker();
  let isLeaving = false;
  let tell!: (task: WorkerTask) => void;
  const told = new Promise<WorkerTask>((resolve) => tell = resolve);

  const channel = openWorkerChannel<WorkerTask>({
    received(message) {
      switch (message["@gpe/cli"]) {
        case "start":
          return tell(message.start);
        case "drain":
          return whenBegun(() => worker.drain());
        case "reopen":
          return options.onReopenLogs?.();
      }
    },
    masterGone() {
      if (isLeaving) return;
      // Otherwise node:cluster exits at once.
      if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
      setTimeout(() => process.exit(1), ORPHAN_GRACE_MS);
      whenBegun(() => worker.stop());
    },
  });
  const worker = createServiceWorker({
    channel,
    onStop: options.onStop,
    ...IS_DENO && { longestLingerMs: DENO_LINGER_MS },
    exit(code) {
      isLeaving = true;
      void leaveCluster().then(() => process.exit(code || process.exitCode || 0));
    },
  });
  const { metrics, now } = workerInstrumentation({ ...brief, prefix: brief.metricPrefix });
  const served = recordOwnAddress({
    metrics,
    now,
    keepAliveMs: brief.keepAliveMs,
    refuse: IS_DENO ? undefined : stopListening,
    onServing: worker.served,
  });
  process.on("SIGTERM", () => whenBegun(() => worker.stop()));
  // Ctrl-C reaches every process of the terminal; the primary alone decides what it means.
  process.on("SIGINT", () => {});

  /** What was counted before the storage is open goes into it first. */
  function whenBegun(then: () => void): void {
    void begun.then(then);
  }

  const begun = told.then(async (task) => {
    dieWithParent(IS_DENO ? undefined : foreignFunctions());
    tellThreads(task.storage);
    worker.begin(task, await workerStorage(task, channel), metrics);
  });
  void channel.send({ "@gpe/cli": "hello" });
  await begun;
  return {
    id: brief.workerId,
    ready(server) {
      if (worker.serving) return;
      if (server === undefined) worker.served(undefined);
      else served.adopt(server);
    },
  };
}

function briefOfWorker(): WorkerBrief {
  const problem = (state: string, wanted: string): Error =>
    new Error(`Cannot start a worker: ${state}, expected ${wanted}`);
  if (!isMainThread) throw problem("this is a thread", "the main thread of a process");
  if (cluster.worker === undefined || process.send === undefined) {
    throw problem("this process is no worker of a cluster", "one that runPrimary() has forked");
  }
  const brief = takeBrief();
  if (brief !== undefined) return brief;
  throw problem(
    "it was not forked by runPrimary(), or is started already",
    "runPrimary() in the primary, or openStorage() and recordServer() in the worker",
  );
}

/**
 * The listening socket is the primary's, which gives new connections to other workers from then on.
 * `server.close()` would also close connections whose next request is on its way.
 */
function stopListening(server: NetServer): void {
  NetServer.prototype.close.call(server);
}

/**
 * A connection that the primary has just handed over is given back: who exits would take it along.
 */
function leaveCluster(): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || cluster.worker === undefined) return resolve();
    const late = setTimeout(resolve, LEAVE_MS);
    process.once("disconnect", () => {
      clearTimeout(late);
      resolve();
    });
    cluster.worker.disconnect();
  });
}
