/**
 * `gpe serve`: the master with its metrics endpoint, and worker processes that share a port.
 *
 * @module
 */
import type { BindAddress, Config } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { createMetricsEndpoint } from "../../endpoint/mod.ts";
import { createMaster, type MasterObserver } from "../../master/master.ts";
import { createMasterMetrics, type MasterSignal } from "../../master/master_metrics.ts";
import type { Clock } from "../../master/primitives.ts";
import { startText } from "../../master/start_text.ts";
import { VERSION } from "../../version.ts";
import { storagePlace } from "../storage/place.ts";
import { startRetiring } from "../storage/retiring.ts";
import { sharedLog } from "../storage/shared_log.ts";
import type { ClaimOptions, Storage } from "../storage/storage.ts";
import { openForAppend, STDOUT } from "./access_log_file.ts";
import { probeAddress } from "./address.ts";
import { certificateSource } from "./certificate.ts";
import { serveMetricsEndpoint } from "./metrics_server.ts";
import { type MasterCommands, notifiedMaster } from "./notified_master.ts";
import { permittedEnv, permittedHostname } from "./runtime.ts";
import { listenForSignals } from "./signals.ts";
import { writePidFile } from "./pid_file.ts";
import { sendSignal } from "./send_signal.ts";
import { openProcessStorage, storageAt } from "./storage.ts";
import { connectSystemd } from "./systemd.ts";
import { probeSocket, removeSocket } from "./unix_socket.ts";
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
  const storage = running.use(storageAt(storagePlace(config, permittedHostname()), {
    log: storageLog,
    foreign: config.retire,
  }));
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
      runtime: `deno ${Deno.version.deno}`,
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
    connectSystemd({ env: permittedEnv, isHealthy: () => master.running > 0, log }),
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
    clock: CLOCK,
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

const CLOCK: Clock = {
  now: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

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

/** What each signal means; as with Gunicorn, but for USR2 and WINCH, which have no meaning here. */
function actOnSignals(master: MasterCommands, log: Log): (signal: MasterSignal) => void {
  const actions: Partial<Record<MasterSignal, () => void>> = {
    term: () => master.stop(),
    int: () => master.quit(),
    quit: () => master.quit(),
    hup: () => void master.reload(),
    ttin: () => master.grow(),
    ttou: () => master.shrink(),
    usr1: () => master.reopenLogs(),
    usr2: () => log.warn("Ignored SIGUSR2: a new master cannot take over, expected SIGHUP"),
  };
  return (signal) => actions[signal]?.();
}

/** Tells each of them, in this order. */
function observeAll(...observers: readonly Partial<MasterObserver>[]): MasterObserver {
  return {
    opened: (slot) => observers.forEach((each) => each.opened?.(slot)),
    state: (slot, state) => observers.forEach((each) => each.state?.(slot, state)),
    pool: (counts) => observers.forEach((each) => each.pool?.(counts)),
    ended: (slot) => observers.forEach((each) => each.ended?.(slot)),
    restarted: (slot, reason, type) =>
      observers.forEach((each) => each.restarted?.(slot, reason, type)),
  };
}

/** Calls `announce` when the first worker runs: where to find a service that never ran helps nobody. */
function onceRunning(announce: () => void): Pick<MasterObserver, "state"> {
  let announced = false;
  return {
    state(_slot, state) {
      if (announced || state !== "running") return;
      announced = true;
      announce();
    },
  };
}
