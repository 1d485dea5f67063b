/**
 * `gpe serve`: the master with its metrics endpoint, and worker processes that share a port.
 *
 * @module
 */
import type { BindAddress, Config } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { createMetricsEndpoint } from "../../endpoint/mod.ts";
import { createMaster } from "../../master/master.ts";
import { createMasterMetrics } from "../../master/master_metrics.ts";
import { observeAll, onceRunning } from "../../master/observers.ts";
import { actOnSignals } from "../../master/signal_actions.ts";
import { startText } from "../../master/start_text.ts";
import { SYSTEM_CLOCK } from "../../master/system_clock.ts";
import { VERSION } from "../../version.ts";
import { removeSocket } from "../http/unix_socket.ts";
import { storagePlace } from "../storage/place.ts";
import { startRetiring } from "../storage/retiring.ts";
import { sharedLog } from "../storage/shared_log.ts";
import type { ClaimOptions, Storage } from "../storage/storage.ts";
import { RUNTIME } from "../this_runtime.ts";
import { openForAppend, STDOUT } from "./access_log_file.ts";
import { probeAddress } from "./address.ts";
import { certificateSource } from "./certificate.ts";
import { serveMetricsEndpoint } from "./metrics_server.ts";
import { notifiedMaster } from "./notified_master.ts";
import { listenForSignals } from "./signals.ts";
import { probeSocket } from "./probe_socket.ts";
import { writePidFile } from "./pid_file.ts";
import { sendSignal } from "./send_signal.ts";
import { openProcessStorage, storageAt } from "../library/storage.ts";
import { connectSystemd } from "./systemd.ts";
import { watchModules } from "./watch_modules.ts";
import { createWorkers } from "./workers.ts";

/** How often the master's uptime is written, in milliseconds. */
const UPTIME_INTERVAL_MS = 1000;

/** What is served, and how. */
export interface ServeOptions {
  /** Every setting. */
  readonly config: Config;
  /** The application's module. */
  readonly app: URL;
  /** Where events go. */
  readonly log: Log;
  /** Stops the service gracefully when aborted, as SIGTERM does. */
  readonly signal?: AbortSignal;
  /** Receives what a user shall read once the service has started; it may have several lines. */
  readonly print: (text: string) => void;
}

/**
 * Serves an application until it is stopped. Nothing is left running when this ends, by return or
 * by throw, and nothing is removed unless everything that can be checked before was in order.
 *
 * Permissions: read, write and ffi for the directory of the metric files, net for both addresses,
 * run for Deno itself.
 *
 * @returns The exit code: 0 after SIGTERM, SIGINT or an abort; 1 when no worker could be started.
 * @throws {StorageError} when the directory cannot be used or belongs to another master
 * @throws {Error} when an address cannot be listened on
 */
export async function runServe(options: ServeOptions): Promise<number> {
  const { config, app, log, print } = options;
  await using running = new AsyncDisposableStack();
  const storageLog = sharedLog(log);
  const storage = running.use(
    await storageAt(storagePlace(config, RUNTIME.hostname()), {
      log: storageLog,
      foreign: config.retire,
    }),
  );
  const claiming: ClaimOptions = {
    mode: config.cleanupDbFiles ? "clean" : "keep",
    kill: (pid) => sendSignal(pid, "SIGKILL"),
  };
  const bind = await rehearse(config, storage, claiming);
  const certificate = config.certificate && certificateSource(config.certificate, log);
  const scheme = certificate === undefined ? "http" : "https";

  if ("path" in bind) running.defer(() => removeSocket(bind.path));
  if (config.pidFile !== undefined) running.use(writePidFile(config.pidFile, log));
  const claim = running.use(await storage.claim(claiming));

  const reader = running.use(storage.openReader());
  const server = running.use(serveMetricsEndpoint({
    handler: createMetricsEndpoint({
      ...storage.about,
      reader,
      version: VERSION,
      runtime: RUNTIME.name,
      metricPrefix: config.metricPrefix,
      log,
      ready: () => master.running > 0,
    }),
    ...config.metrics,
    log,
  }));
  const metrics = { hostname: config.metrics.hostname, port: server.port };

  running.use(openProcessStorage({ storage, log }));
  const retiring = running.use(startRetiring({ retire: storage.retire, log }));
  // Of the run before, where its files are kept.
  retiring.soon();
  const workers = workerCount(config, log);
  const masterMetrics = createMasterMetrics({
    prefix: config.metricPrefix,
    storesTimestamps: storage.storesTimestamps,
    now: Date.now,
  });
  const ticking = setInterval(masterMetrics.tick, UPTIME_INTERVAL_MS);
  running.defer(() => clearInterval(ticking));

  const systemd = running.use(
    connectSystemd({ env: RUNTIME.env, isHealthy: () => master.running > 0, log }),
  );
  const announce = (): void => {
    systemd.ready();
    print(startText(bind, metrics, scheme));
  };
  const { spawn, renew } = running.use(
    createWorkers(config, { bind, app, log, storageLog, certificate, storage }),
  );
  const master = createMaster({
    workers,
    gracefulTimeoutMs: config.gracefulTimeoutMs,
    timeoutMs: config.timeoutMs,
    spawn,
    renew,
    clock: SYSTEM_CLOCK,
    log,
    observer: observeAll(
      masterMetrics,
      onceRunning(announce),
      { ended: retiring.soon },
      { pool: () => claim.recordWorkers(master.pids) },
    ),
  });
  const commands = notifiedMaster(master, systemd);
  const { stop, reload } = commands;
  const act = actOnSignals(commands, log);
  running.use(listenForSignals({ received: masterMetrics.signal, act }));
  options.signal?.addEventListener("abort", stop, { once: true });
  running.defer(() => options.signal?.removeEventListener("abort", stop));
  if (config.reload) {
    const onChange = (path: string): void => {
      log.info("Reloading: a module of the application has changed", { path });
      void reload();
    };
    running.use(watchModules({ app, denoFlags: config.denoFlags, onChange, log }));
  }
  if (config.keepAliveMs !== undefined) {
    log.info("--keepalive is in force for servers of node:http; Deno.serve has no such timeout");
  }
  if (options.signal?.aborted) stop();
  return await master.run();
}

/**
 * Checks what can be checked without changing anything: that the storage is free and that both
 * addresses can be listened on. Only then may the claim remove what the run before left.
 *
 * @returns Where the application listens, with a free port in the place of port 0.
 */
async function rehearse(
  config: Config,
  storage: Storage,
  claiming: ClaimOptions,
): Promise<BindAddress> {
  await using _claim = await storage.claim({ ...claiming, mode: "keep" });
  const { accessLog } = config;
  if (accessLog !== undefined && accessLog.path !== STDOUT) openForAppend(accessLog.path).close();
  probeAddress(config.metrics, "metrics endpoint");
  const { bind } = config;
  if (!("path" in bind)) return probeAddress(bind, "application");
  await probeSocket(bind.path);
  return bind;
}

/** Only Linux spreads connections over the processes that share a port. */
function workerCount(config: Config, log: Log): number {
  if (Deno.build.os === "linux" || config.workers === 1) return config.workers;
  log.warn(`Starting 1 worker: on ${Deno.build.os} connections are not spread over processes`, {
    asked: config.workers,
  });
  return 1;
}
