/**
 * What runs in a worker beside the application, whatever the application is served by: it opens the
 * storage, says that the event loop turns, asks for another worker in its place, and ends in order.
 *
 * @module
 */
import { clearInterval, setInterval } from "node:timers";
import type { BootFailure } from "../../master/primitives.ts";
import type { WorkerMetrics } from "../../worker/worker_metrics.ts";
import { DEFAULT_DRAIN_MS, type DrainableServer } from "../http/drain.ts";
import { openProcessStorage, storageAt } from "../library/storage.ts";
import type { ProcessStorage } from "../storage/process_storage.ts";
import type { Storage } from "../storage/storage.ts";
import { createChannelLog, type WorkerChannel } from "./worker_channel.ts";
import type { WorkerTask } from "./worker_protocol.ts";

/** How often the number of requests is looked at, in milliseconds. */
const REQUESTS_LOOK_MS = 100;

/** How long a worker whose master is gone may take to end in order, in milliseconds. */
export const ORPHAN_GRACE_MS = 3000;

/** What a worker is made of. */
export interface ServiceWorkerOptions {
  /** Where it tells what happens. */
  readonly channel: Pick<WorkerChannel, "log" | "send">;
  /** The longest that a drain waits for clients to leave, in milliseconds. @default {Infinity} */
  readonly longestLingerMs?: number;
  /** Called when the server has stopped, before the storage is closed. */
  readonly onStop?: (() => unknown) | undefined;
  /** Ends the process or thread. */
  readonly exit: (code: number) => void;
}

/** A worker. */
export interface ServiceWorker {
  /** Whether the application listens. */
  readonly serving: boolean;
  /** Begins with what the master said. The storage is the worker's from now on. */
  begin(task: WorkerTask, storage: Storage, metrics: WorkerMetrics): void;
  /** The application listens; `undefined`: it serves in a way that nobody sees. */
  served(server: DrainableServer | undefined): void;
  /** Tells why the application could not be started, and ends. */
  fail(failure: BootFailure): Promise<void>;
  /** Finishes the requests at hand, brings the metrics into their files, and ends. */
  stop(): void;
  /** Ends, but first waits for the clients to leave: others serve them. */
  drain(): void;
}

/** The storage that a worker was told of. What all workers say about a server alike is marked. */
export function workerStorage(
  { storage }: Pick<WorkerTask, "storage">,
  { send }: Pick<WorkerChannel, "send">,
): Promise<Storage> {
  return storageAt(storage, { log: createChannelLog(send, storage.kind === "redis") });
}

/** Makes a worker; it does nothing before {@linkcode ServiceWorker.begin}. */
export function createServiceWorker(options: ServiceWorkerOptions): ServiceWorker {
  const { channel, longestLingerMs = Infinity, onStop, exit } = options;
  let storage: ProcessStorage | undefined;
  let server: DrainableServer | undefined;
  let serving = false;
  let ending = false;
  let gracefulTimeoutMs = 0;

  /** Metrics are worth a message, not the application. */
  function openStorageOrGoOn({ incarnation }: WorkerTask, storage: Storage) {
    try {
      return openProcessStorage({ storage, incarnation, log: channel.log });
    } catch (error) {
      channel.log.error("Cannot store the metrics of this worker, it runs without", { error });
      return undefined;
    }
  }

  /** Says at once and then again and again that the event loop turns. */
  function beat({ beatPeriodMs }: WorkerTask): void {
    const say = (): void => void channel.send({ "@gpe/cli": "beat" });
    say();
    if (beatPeriodMs > 0) setInterval(say, beatPeriodMs).unref();
  }

  /** Looks at the number of requests now and then, so that counting them costs nothing. */
  function askForReplacement({ maxRequests }: WorkerTask, metrics: WorkerMetrics): void {
    if (maxRequests === 0) return;
    const timer = setInterval(() => {
      if (metrics.requestCount < maxRequests) return;
      clearInterval(timer);
      void channel.send({ "@gpe/cli": "worn" });
    }, REQUESTS_LOOK_MS);
    timer.unref();
  }

  async function end(lingerMs: number): Promise<void> {
    if (ending) return void server?.shutdown({ lingerMs });
    ending = true;
    let exitCode = 0;
    try {
      await server?.shutdown({ lingerMs });
      await onStop?.();
      await storage?.[Symbol.asyncDispose]();
    } catch (error) {
      exitCode = 1;
      const message = `Cannot stop in order: ${error instanceof Error ? error.message : error}`;
      await channel.send({ "@gpe/cli": "log", level: "error", message });
    }
    exit(exitCode);
  }

  return {
    get serving() {
      return serving;
    },
    begin(task, told, metrics) {
      gracefulTimeoutMs = task.gracefulTimeoutMs;
      beat(task);
      storage = openStorageOrGoOn(task, told);
      askForReplacement(task, metrics);
    },
    served(listening) {
      server = listening;
      serving = true;
      void channel.send({ "@gpe/cli": "running" });
    },
    async fail(failure) {
      if (ending) return;
      ending = true;
      await channel.send({ "@gpe/cli": "failed", failure });
      exit(1);
    },
    stop: () => void end(0),
    drain() {
      // The rest is for the requests that are at hand then; the master kills when it is over.
      const restMs = Math.min(1000, gracefulTimeoutMs / 2);
      const lingerMs = Math.max(0, gracefulTimeoutMs - DEFAULT_DRAIN_MS - restMs);
      void end(Math.min(lingerMs, longestLingerMs));
    },
  };
}
