/**
 * A service: a master with its workers and its metrics endpoint, whatever they run on.
 *
 * @module
 */
import { clearInterval, setInterval } from "node:timers";
import type { Address, Config } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { createMetricsEndpoint } from "../../endpoint/mod.ts";
import { createMaster, type Master } from "../../master/master.ts";
import { createMasterMetrics } from "../../master/master_metrics.ts";
import { observeAll, onceRunning } from "../../master/observers.ts";
import type { SpawnWorker } from "../../master/primitives.ts";
import { actOnSignals, type MasterCommands } from "../../master/signal_actions.ts";
import { SYSTEM_CLOCK } from "../../master/system_clock.ts";
import { VERSION } from "../../version.ts";
import { openProcessStorage, storageAt } from "../library/storage.ts";
import type { MetricsHostOptions, MetricsServer } from "../metrics_host.ts";
import { nameWriters, type StartWorker } from "../storage/named_writers.ts";
import { checkIsClosed } from "../storage/process_storage.ts";
import { startRetiring } from "../storage/retiring.ts";
import { sharedLog } from "../storage/shared_log.ts";
import type { ClaimOptions, Storage, StoragePlace } from "../storage/storage.ts";
import { RUNTIME } from "../this_runtime.ts";
import { type Cleanup, withCleanup } from "./cleanup.ts";
import { sendSignal } from "./send_signal.ts";
import type { SignalHandlers } from "./signals.ts";

/** How often the master's uptime is written, in milliseconds. */
const UPTIME_INTERVAL_MS = 1000;

/** Starts workers; disposing of it leaves nothing of them. */
export interface Workers extends AsyncDisposable {
  /** Starts one. */
  readonly spawn: StartWorker;
  /** Has those from now on share nothing with those before. */
  renew(): void;
}

/** What workers are given beside the settings. */
export interface WorkersContext {
  /** Where their metrics are stored. */
  readonly storage: Storage;
  /** Where events of the storage go that concern all workers. */
  readonly storageLog: Log;
}

/** What a runtime and its kind of workers bring. Called in this order. */
export interface ServiceHost {
  /** Checks what can be checked without changing anything. @throws {Error} when something is wrong */
  check(): void | Promise<void>;
  /** Takes what belongs to the master alone, such as its pid file. */
  begin?(cleanup: Cleanup): void;
  /** Starts the metrics endpoint. @throws {Error} when its address cannot be listened on */
  serveEndpoint(options: MetricsHostOptions): MetricsServer | Promise<MetricsServer>;
  /** Makes what starts workers. */
  createWorkers(context: WorkersContext): Workers;
  /** Adds what runs beside the master. @returns what signals command */
  accompany?(master: Master, cleanup: Cleanup): MasterCommands;
  /** Listens for the signals of the master. */
  listenForSignals(handlers: SignalHandlers): Disposable;
  /** Called when the first worker runs, with the address of the endpoint. */
  announce(metrics: Address): void;
}

/** What is served, and how. */
export interface ServiceOptions {
  /** Every setting. */
  readonly config: Config;
  /** Where metrics are stored. */
  readonly place: StoragePlace;
  /** Where events go. */
  readonly log: Log;
  /** Stops the service gracefully when aborted, as SIGTERM does. */
  readonly signal?: AbortSignal | undefined;
  /** What it runs on. */
  readonly host: ServiceHost;
}

/**
 * Runs a service until it is stopped. Nothing is left running when this ends, by return or by throw,
 * and nothing is removed unless everything that can be checked before was in order.
 *
 * @returns The exit code: 0 after SIGTERM, SIGINT or an abort; 1 when no worker could be started.
 * @throws {StorageError} when the storage cannot be used or belongs to another master
 * @throws {Error} when an address cannot be listened on
 */
export function runService(options: ServiceOptions): Promise<number> {
  return withCleanup((cleanup) => run(options, cleanup));
}

async function run(options: ServiceOptions, cleanup: Cleanup): Promise<number> {
  const { config, place, log, signal, host } = options;
  // The master's own metrics go into it, and the claim would already have removed files.
  checkIsClosed();
  const storageLog = sharedLog(log);
  const storage = cleanup.use(await storageAt(place, { log: storageLog, foreign: config.retire }));
  const claiming: ClaimOptions = {
    mode: config.cleanupDbFiles ? "clean" : "keep",
    kill: (pid) => sendSignal(pid, "SIGKILL"),
  };
  // Only when all is in order may the claim remove what the run before left.
  await withCleanup(async (rehearsal) => {
    rehearsal.use(await storage.claim({ ...claiming, mode: "keep" }));
    await host.check();
  });
  host.begin?.(cleanup);
  const claim = cleanup.use(await storage.claim(claiming));

  const reader = cleanup.use(storage.openReader());
  const handler = createMetricsEndpoint({
    ...storage.about,
    reader,
    version: VERSION,
    runtime: RUNTIME.name,
    metricPrefix: config.metricPrefix,
    log,
    ready: () => master.running > 0,
  });
  const server = cleanup.use(await host.serveEndpoint({ handler, ...config.metrics, log }));
  const metrics = { hostname: config.metrics.hostname, port: server.port };

  cleanup.use(openProcessStorage({ storage, log }));
  const retiring = cleanup.use(startRetiring({ retire: storage.retire, log }));
  // Of the run before, where its files are kept.
  retiring.soon();
  const masterMetrics = createMasterMetrics({
    prefix: config.metricPrefix,
    storesTimestamps: storage.storesTimestamps,
    now: Date.now,
  });
  const ticking = setInterval(masterMetrics.tick, UPTIME_INTERVAL_MS);
  cleanup.defer(() => clearInterval(ticking));

  const { spawn, renew } = cleanup.use(host.createWorkers({ storage, storageLog }));
  const named: SpawnWorker = nameWriters(spawn, storage);
  const master = createMaster({
    workers: config.workers,
    gracefulTimeoutMs: config.gracefulTimeoutMs,
    timeoutMs: config.timeoutMs,
    spawn: named,
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
  const commands = host.accompany?.(master, cleanup) ?? master;
  let failure: { readonly error: unknown } | undefined;
  /** Whoever is told may fail: that ends the service, but in order. */
  function announce(): void {
    try {
      host.announce(metrics);
    } catch (error) {
      failure = { error };
      commands.stop();
    }
  }
  const act = actOnSignals(commands, log);
  cleanup.use(host.listenForSignals({ received: masterMetrics.signal, act }));
  const stop = (): void => commands.stop();
  signal?.addEventListener("abort", stop, { once: true });
  cleanup.defer(() => signal?.removeEventListener("abort", stop));
  if (signal?.aborted) stop();
  const exitCode = await master.run();
  if (failure !== undefined) throw failure.error;
  return exitCode;
}
