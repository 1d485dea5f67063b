/**
 * What runs in a worker process before the application: it connects with the master, opens the
 * storage, puts itself between the application and its server, and serves its default export.
 *
 * The process is started with this module preloaded (`deno run --preload`) and the application as
 * the main module, so that the application cannot tell it from `deno run`.
 *
 * @module
 */
import process from "node:process";
import type { BootFailure } from "../../master/primitives.ts";
import type { AccessLog } from "../../worker/access_log.ts";
import type { FetchApp } from "../../worker/instrument.ts";
import type { WorkerMetrics } from "../../worker/worker_metrics.ts";
import { openAccessLog } from "./access_log_file.ts";
import { describeLoadFailure, describeMissingHandler } from "./boot_failure.ts";
import { captureNodeHttp } from "./capture_node_http.ts";
import { captureDenoServe } from "./capture_serve.ts";
import { closeDebuggerPort, ignoreSigusr1 } from "./debugger_port.ts";
import {
  type AddressClaim,
  type CaptureOptions,
  DEFAULT_DRAIN_MS,
  type DrainableServer,
} from "./drain.ts";
import { workerInstrumentation } from "./instrument.ts";
import { findLoadError } from "./load_probe.ts";
import { type OpenedStorage, openStorage } from "./open_storage.ts";
import { dieWithParent, ORPHAN_GRACE_MS, watchParent } from "./orphan.ts";
import { openWorkerChannel, type WorkerChannel } from "./worker_channel.ts";
import { DRAIN_SIGNAL, REOPEN_SIGNAL, type WorkerStart } from "./worker_protocol.ts";

/** How often the number of requests is looked at, in milliseconds. */
const REQUESTS_LOOK_MS = 100;

const claim: AddressClaim = { taken: false };
/** What has to be ended in order, as far as it has been started. */
const parts: {
  server?: DrainableServer;
  storage?: OpenedStorage | undefined;
  accessLog?: AccessLog | undefined;
} = {};
let ending = false;
let gracefulTimeoutMs = 0;

if (Deno.build.os !== "windows") {
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener(DRAIN_SIGNAL, drain);
  Deno.addSignalListener(REOPEN_SIGNAL, () => parts.accessLog?.reopen());
  if (!ignoreSigusr1()) Deno.addSignalListener("SIGUSR1", closeDebuggerPort);
}
// Ctrl-C reaches every process of the terminal; the master alone decides what it means.
Deno.addSignalListener("SIGINT", () => {});

const channel: WorkerChannel = openWorkerChannel(masterGone);
const start: WorkerStart = await channel.start;
gracefulTimeoutMs = start.gracefulTimeoutMs;
const diesWithMaster = dieWithParent();
if (Deno.ppid !== start.masterPid) masterGone();
beat();
parts.storage = openStorageOrGoOn();
parts.accessLog = start.accessLog && openAccessLog(start.accessLog, start.workerId, channel.log);
capture();
await load();

/** Metrics are worth a message, not the application. */
function openStorageOrGoOn(): OpenedStorage | undefined {
  const { directory, layout } = start;
  try {
    return openStorage({ directory, layout, log: channel.log });
  } catch (error) {
    channel.log.error("Cannot store the metrics of this worker, it runs without", { error });
    return undefined;
  }
}

function capture(): void {
  const instrumentation = workerInstrumentation({
    workerId: start.workerId,
    prefix: start.metricPrefix,
    timestamps: start.layout === "timestamp",
  });
  if (start.maxRequests > 0) askForReplacement(instrumentation.metrics);
  const options: CaptureOptions = {
    address: start.bind,
    reusePort: Deno.build.os === "linux",
    claim,
    accessLog: parts.accessLog,
    certificate: start.certificate,
    keepAliveMs: start.keepAliveMs,
    onServing(serving) {
      parts.server = serving;
      if (!diesWithMaster) void serving.finished.then(watchParent(start.masterPid));
      removeEventListener("unhandledrejection", failBeforeRunning);
      removeEventListener("error", failBeforeRunning);
      void channel.send({ "@gpe/cli": "running" });
    },
  };
  captureDenoServe({ ...options, instrumentation, log: channel.log });
  captureNodeHttp({ ...options, ...instrumentation, log: channel.log });
}

async function load(): Promise<void> {
  addEventListener("unhandledrejection", failBeforeRunning);
  addEventListener("error", failBeforeRunning);
  // The event loop has nothing left to do, so nothing will ever listen.
  process.on("beforeExit", () => {
    if (parts.server === undefined) void fail(describeMissingHandler(start.app));
  });
  const error = await findLoadError(start.app);
  if (error !== undefined) return await fail(describeLoadFailure(start.app, error));
  // The runtime evaluates the application now; what that throws is an unhandled rejection.
  addEventListener("load", () => {
    import(start.app).then(serveDefaultExport).catch((error) =>
      fail(describeLoadFailure(start.app, error))
    );
  }, { once: true });
}

/** As `deno serve` does, unless the application serves by itself. */
function serveDefaultExport(module: { readonly default?: unknown }): void {
  const app = module.default as Partial<Deno.ServeDefaultExport> | null | undefined;
  if (claim.taken || typeof app?.fetch !== "function") return;
  const { onListen } = app;
  Deno.serve(
    onListen === undefined ? {} : { onListen: (addr) => onListen.call(app, addr) },
    // Wrapped here, for an application that has wrapped itself must not be counted twice.
    workerInstrumentation().instrument(app as FetchApp).fetch as Deno.ServeHandler,
  );
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

/** Nobody is left to end this worker when it takes too long. */
function masterGone(): void {
  setTimeout(() => Deno.exit(1), Math.min(ORPHAN_GRACE_MS, gracefulTimeoutMs));
  void stop();
}

/** Ends, but first waits for the clients to leave: others serve them. */
function drain(): void {
  // The rest is for the requests that are at hand then; the master kills when it is over.
  const restMs = Math.min(1000, gracefulTimeoutMs / 2);
  void end(Math.max(0, gracefulTimeoutMs - DEFAULT_DRAIN_MS - restMs));
}

/** Finishes the requests at hand, brings the metrics into their files, and ends. */
function stop(): void {
  void end(0);
}

async function end(lingerMs: number): Promise<void> {
  if (ending) return void parts.server?.shutdown({ lingerMs });
  ending = true;
  let exitCode = 0;
  try {
    await parts.server?.shutdown({ lingerMs });
    await parts.storage?.[Symbol.asyncDispose]();
  } catch (error) {
    exitCode = 1;
    const message = `Cannot stop in order: ${error instanceof Error ? error.message : error}`;
    await channel.send({ "@gpe/cli": "log", level: "error", message });
  }
  Deno.exit(exitCode);
}
