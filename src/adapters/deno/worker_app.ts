/**
 * What runs beside the application, in a worker process and in a worker thread alike: it opens the
 * storage, puts itself between the application and its server, serves its default export, says that
 * the event loop turns, and ends in order.
 *
 * @module
 */
import type { BootFailure } from "../../master/primitives.ts";
import type { FetchApp } from "../../worker/instrument.ts";
import type { WorkerMetrics } from "../../worker/worker_metrics.ts";
import type { ProcessStorage } from "../storage/process_storage.ts";
import type { Storage } from "../storage/storage.ts";
import { openAccessLog } from "./access_log_file.ts";
import { describeLoadFailure } from "./boot_failure.ts";
import { captureHttp } from "../http/capture.ts";
import { captureDenoServe } from "./capture_serve.ts";
import {
  type AddressClaim,
  type CaptureOptions,
  DEFAULT_DRAIN_MS,
  type DrainableServer,
} from "../http/drain.ts";
import { workerInstrumentation } from "../library/instrument.ts";
import { openProcessStorage, storageAt } from "../library/storage.ts";
import { createChannelLog, type WorkerChannel } from "./worker_channel.ts";
import type { WorkerStart } from "./worker_protocol.ts";

/** How often the number of requests is looked at, in milliseconds. */
const REQUESTS_LOOK_MS = 100;

/** What is around a worker's application. */
export interface WorkerAppOptions {
  /** What the worker was told. */
  readonly start: WorkerStart;
  /** Where it tells what happens. */
  readonly channel: Pick<WorkerChannel, "log" | "send">;
  /** Where its metrics are stored. */
  readonly storage: Storage;
  /** The longest that a drain waits for clients to leave, in milliseconds. @default {Infinity} */
  readonly longestLingerMs?: number;
  /** Called when the application listens. */
  readonly onServing?: (server: DrainableServer) => void;
}

/** A worker around its application, which is still to be loaded. */
export interface WorkerApp {
  /** Whether the application listens. */
  readonly serving: boolean;
  /** As `deno serve` does, unless the application serves by itself. */
  serveDefaultExport(module: { readonly default?: unknown }): void;
  /** Tells why the application could not be started, and ends. */
  fail(failure: BootFailure): Promise<void>;
  /** Opens the log files anew. */
  reopenLogs(): void;
  /** Finishes the requests at hand, brings the metrics into their files, and ends. */
  stop(): void;
  /** Ends, but first waits for the clients to leave: others serve them. */
  drain(): void;
}

/** The storage that a worker was told of. What all workers say about a server alike is marked. */
export function workerStorage(
  { storage }: WorkerStart,
  { send }: Pick<WorkerChannel, "send">,
): Promise<Storage> {
  return storageAt(storage, { log: createChannelLog(send, storage.kind === "redis") });
}

/** Starts all of it. The worker ends by `Deno.exit()`. */
export function startWorkerApp(options: WorkerAppOptions): WorkerApp {
  const { start, channel, longestLingerMs = Infinity } = options;
  const { gracefulTimeoutMs } = start;
  const claim: AddressClaim = { taken: false };
  let server: DrainableServer | undefined;
  let ending = false;

  beat();
  const storage = openStorageOrGoOn();
  const accessLog = start.accessLog &&
    openAccessLog(start.accessLog, start.workerId, channel.log);
  capture();
  addEventListener("unhandledrejection", failBeforeRunning);
  addEventListener("error", failBeforeRunning);

  /** Metrics are worth a message, not the application. */
  function openStorageOrGoOn(): ProcessStorage | undefined {
    const { incarnation } = start;
    try {
      return openProcessStorage({ storage: options.storage, incarnation, log: channel.log });
    } catch (error) {
      channel.log.error("Cannot store the metrics of this worker, it runs without", { error });
      return undefined;
    }
  }

  function capture(): void {
    const instrumentation = workerInstrumentation({
      workerId: start.workerId,
      prefix: start.metricPrefix,
      sizesByEndpoint: start.sizesByEndpoint,
      timestamps: storage?.writer.storesTimestamps ?? true,
      showsProcess: start.showsProcess,
    });
    if (start.maxRequests > 0) askForReplacement(instrumentation.metrics);
    const captured: CaptureOptions = {
      address: start.bind,
      reusePort: Deno.build.os === "linux",
      claim,
      accessLog,
      certificate: start.certificate,
      keepAliveMs: start.keepAliveMs,
      onServing(serving) {
        server = serving;
        options.onServing?.(serving);
        removeEventListener("unhandledrejection", failBeforeRunning);
        removeEventListener("error", failBeforeRunning);
        void channel.send({ "@gpe/cli": "running" });
      },
    };
    captureDenoServe({ ...captured, instrumentation, log: channel.log });
    captureHttp({ ...captured, ...instrumentation, log: channel.log });
  }

  function failBeforeRunning(event: PromiseRejectionEvent | ErrorEvent): void {
    // The runtime would print it with its stack and exit.
    event.preventDefault();
    void fail(describeLoadFailure(start.app, "reason" in event ? event.reason : event.error));
  }

  async function fail(failure: BootFailure): Promise<void> {
    if (ending) return;
    ending = true;
    await channel.send({ "@gpe/cli": "failed", failure });
    Deno.exit(1);
  }

  /** Says at once and then again and again that the event loop turns. */
  function beat(): void {
    const { beatPeriodMs } = start;
    const say = (): void => void channel.send({ "@gpe/cli": "beat" });
    say();
    if (beatPeriodMs > 0) Deno.unrefTimer(setInterval(say, beatPeriodMs));
  }

  /** Looks at the number of requests now and then, so that counting them costs nothing. */
  function askForReplacement(metrics: WorkerMetrics): void {
    const timer = setInterval(() => {
      if (metrics.requestCount < start.maxRequests) return;
      clearInterval(timer);
      void channel.send({ "@gpe/cli": "worn" });
    }, REQUESTS_LOOK_MS);
    Deno.unrefTimer(timer);
  }

  async function end(lingerMs: number): Promise<void> {
    if (ending) return void server?.shutdown({ lingerMs });
    ending = true;
    let exitCode = 0;
    try {
      await server?.shutdown({ lingerMs });
      await storage?.[Symbol.asyncDispose]();
    } catch (error) {
      exitCode = 1;
      const message = `Cannot stop in order: ${error instanceof Error ? error.message : error}`;
      await channel.send({ "@gpe/cli": "log", level: "error", message });
    }
    Deno.exit(exitCode);
  }

  return {
    get serving() {
      return server !== undefined;
    },
    serveDefaultExport(module) {
      const app = module.default as Partial<Deno.ServeDefaultExport> | null | undefined;
      if (claim.taken || typeof app?.fetch !== "function") return;
      const { onListen } = app;
      Deno.serve(
        onListen === undefined ? {} : { onListen: (addr) => onListen.call(app, addr) },
        // Wrapped here, for an application that has wrapped itself must not be counted twice.
        workerInstrumentation().instrument(app as FetchApp).fetch as Deno.ServeHandler,
      );
    },
    fail,
    reopenLogs: () => accessLog?.reopen(),
    stop: () => void end(0),
    drain() {
      // The rest is for the requests that are at hand then; the master kills when it is over.
      const restMs = Math.min(1000, gracefulTimeoutMs / 2);
      const lingerMs = Math.max(0, gracefulTimeoutMs - DEFAULT_DRAIN_MS - restMs);
      void end(Math.min(lingerMs, longestLingerMs));
    },
  };
}
