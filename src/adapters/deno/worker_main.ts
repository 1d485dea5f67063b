/**
 * What runs in a worker process before the application: it connects with the master, and starts
 * what is around an application.
 *
 * The process is started with this module preloaded (`deno run --preload`) and the application as
 * the main module, so that the application cannot tell it from `deno run`.
 *
 * @module
 */
import process from "node:process";
import { describeLoadFailure, describeMissingHandler } from "./boot_failure.ts";
import { closeDebuggerPort, ignoreSigusr1 } from "./debugger_port.ts";
import { findLoadError } from "./load_probe.ts";
import { dieWithParent, watchParent } from "./orphan.ts";
import { ORPHAN_GRACE_MS, workerStorage } from "../service/service_worker.ts";
import { openWorkerChannel } from "../service/worker_channel.ts";
import { startWorkerApp, type WorkerApp } from "./worker_app.ts";
import { DRAIN_SIGNAL, REOPEN_SIGNAL, type WorkerStart } from "./worker_protocol.ts";

let worker: WorkerApp | undefined = undefined;
let gracefulTimeoutMs = 0;

if (Deno.build.os !== "windows") {
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener(DRAIN_SIGNAL, () => worker === undefined ? stop() : worker.drain());
  Deno.addSignalListener(REOPEN_SIGNAL, () => worker?.reopenLogs());
  if (!ignoreSigusr1()) Deno.addSignalListener("SIGUSR1", closeDebuggerPort);
}
// Ctrl-C reaches every process of the terminal; the master alone decides what it means.
Deno.addSignalListener("SIGINT", () => {});

const told = Promise.withResolvers<WorkerStart>();
const channel = openWorkerChannel<WorkerStart>({
  received: (message) => message["@gpe/cli"] === "start" && told.resolve(message.start),
  masterGone,
});
const start = await told.promise;
// The application may end by itself, and use the channel.
channel.mute();
process.channel?.unref?.();
gracefulTimeoutMs = start.gracefulTimeoutMs;
const diesWithMaster = dieWithParent();
if (Deno.ppid !== start.masterPid) masterGone();
worker = startWorkerApp({
  start,
  channel,
  storage: await workerStorage(start, channel),
  onServing({ finished }) {
    if (!diesWithMaster) void finished.then(watchParent(start.masterPid));
  },
});
await load(worker);

async function load(worker: WorkerApp): Promise<void> {
  // The event loop has nothing left to do, so nothing will ever listen.
  process.on("beforeExit", () => {
    if (!worker.serving) void worker.fail(describeMissingHandler(start.app));
  });
  const error = await findLoadError(start.app);
  if (error !== undefined) return await worker.fail(describeLoadFailure(start.app, error));
  // The runtime evaluates the application now; what that throws is an unhandled rejection.
  addEventListener("load", () => {
    import(start.app).then(worker.serveDefaultExport).catch((error) =>
      worker.fail(describeLoadFailure(start.app, error))
    );
  }, { once: true });
}

/** Nobody is left to end this worker when it takes too long. */
function masterGone(): void {
  setTimeout(() => Deno.exit(1), Math.min(ORPHAN_GRACE_MS, gracefulTimeoutMs));
  stop();
}

function stop(): void {
  if (worker === undefined) Deno.exit(0);
  worker.stop();
}
