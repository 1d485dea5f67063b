/**
 * What runs beside the application, in a worker process and in a worker thread alike: beside what
 * every worker does it puts itself between the application and its server, and serves its default
 * export.
 *
 * @module
 */
import type { BootFailure } from "../../master/primitives.ts";
import type { FetchApp } from "../../worker/instrument.ts";
import { captureHttp } from "../http/capture.ts";
import type { AddressClaim, CaptureOptions, DrainableServer } from "../http/drain.ts";
import { workerInstrumentation } from "../library/instrument.ts";
import { createServiceWorker } from "../service/service_worker.ts";
import type { WorkerChannel } from "../service/worker_channel.ts";
import type { Storage } from "../storage/storage.ts";
import { openAccessLog } from "./access_log_file.ts";
import { describeLoadFailure } from "./boot_failure.ts";
import { captureDenoServe } from "./capture_serve.ts";
import type { WorkerStart } from "./worker_protocol.ts";

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

/** Starts all of it. The worker ends by `Deno.exit()`. */
export function startWorkerApp(options: WorkerAppOptions): WorkerApp {
  const { start, channel, storage } = options;
  const claim: AddressClaim = { taken: false };
  const worker = createServiceWorker({ ...options, exit: Deno.exit });
  const instrumentation = workerInstrumentation({
    workerId: start.workerId,
    prefix: start.metricPrefix,
    sizesByEndpoint: start.sizesByEndpoint,
    timestamps: storage.storesTimestamps,
    showsProcess: start.showsProcess,
  });
  worker.begin(start, storage, instrumentation.metrics);
  const accessLog = start.accessLog &&
    openAccessLog(start.accessLog, start.workerId, channel.log);
  capture();
  addEventListener("unhandledrejection", failBeforeRunning);
  addEventListener("error", failBeforeRunning);

  function capture(): void {
    const captured: CaptureOptions = {
      address: start.bind,
      reusePort: Deno.build.os === "linux",
      claim,
      accessLog,
      certificate: start.certificate,
      keepAliveMs: start.keepAliveMs,
      onServing(serving) {
        options.onServing?.(serving);
        removeEventListener("unhandledrejection", failBeforeRunning);
        removeEventListener("error", failBeforeRunning);
        worker.served(serving);
      },
    };
    captureDenoServe({ ...captured, instrumentation, log: channel.log });
    captureHttp({ ...captured, ...instrumentation, log: channel.log });
  }

  function failBeforeRunning(event: PromiseRejectionEvent | ErrorEvent): void {
    // The runtime would print it with its stack and exit.
    event.preventDefault();
    const error = "reason" in event ? event.reason : event.error;
    void worker.fail(describeLoadFailure(start.app, error));
  }

  return {
    get serving() {
      return worker.serving;
    },
    serveDefaultExport(module) {
      const app = module.default as Partial<Deno.ServeDefaultExport> | null | undefined;
      if (claim.taken || typeof app?.fetch !== "function") return;
      const { onListen } = app;
      Deno.serve(
        onListen === undefined ? {} : { onListen: (addr) => onListen.call(app, addr) },
        // Wrapped here, for an application that has wrapped itself must not be counted twice.
        instrumentation.instrument(app as FetchApp).fetch as Deno.ServeHandler,
      );
    },
    fail: worker.fail,
    reopenLogs: () => accessLog?.reopen(),
    stop: worker.stop,
    drain: worker.drain,
  };
}
