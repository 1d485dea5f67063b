/**
 * `gpe serve`: the master with its metrics endpoint, and worker processes that share a port.
 *
 * @module
 */
import type { BindAddress, Config } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { startText } from "../../master/start_text.ts";
import type { Certificate } from "../http/certificate.ts";
import { removeSocket } from "../http/unix_socket.ts";
import { runService, type ServiceHost } from "../service/service.ts";
import { storagePlace } from "../storage/place.ts";
import { RUNTIME } from "../this_runtime.ts";
import { openForAppend, STDOUT } from "./access_log_file.ts";
import { probeAddress } from "./address.ts";
import { certificateSource } from "./certificate.ts";
import { serveMetricsEndpoint } from "./metrics_server.ts";
import { notifiedMaster } from "./notified_master.ts";
import { writePidFile } from "./pid_file.ts";
import { probeSocket } from "./probe_socket.ts";
import { listenForSignals } from "./signals.ts";
import { connectSystemd, type ServiceNotifier } from "./systemd.ts";
import { watchModules } from "./watch_modules.ts";
import { createWorkers } from "./workers.ts";

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
  const { log, signal } = options;
  const config = { ...options.config, workers: workerCount(options.config, log) };
  const place = storagePlace(config, RUNTIME.hostname());
  return await runService({ config, place, log, signal, host: serveHost({ ...options, config }) });
}

function serveHost({ config, app, log, print }: ServeOptions): ServiceHost {
  let { bind } = config;
  let certificate: (() => Certificate) | undefined;
  let systemd: ServiceNotifier;

  return {
    async check() {
      checkMayStart();
      bind = await checkAddresses(config);
      certificate = config.certificate && certificateSource(config.certificate, log);
    },
    begin(cleanup) {
      const address = bind;
      if ("path" in address) cleanup.defer(() => removeSocket(address.path));
      if (config.pidFile !== undefined) cleanup.use(writePidFile(config.pidFile, log));
    },
    serveEndpoint: serveMetricsEndpoint,
    createWorkers: (context) => createWorkers(config, { ...context, bind, app, log, certificate }),
    accompany(master, cleanup) {
      systemd = cleanup.use(
        connectSystemd({ env: RUNTIME.env, isHealthy: () => master.running > 0, log }),
      );
      const commands = notifiedMaster(master, systemd);
      if (config.reload) {
        const onChange = (path: string): void => {
          log.info("Reloading: a module of the application has changed", { path });
          void commands.reload();
        };
        cleanup.use(watchModules({ app, denoFlags: config.denoFlags, onChange, log }));
      }
      if (config.keepAliveMs !== undefined) {
        log.info(
          "--keepalive is in force for servers of node:http; Deno.serve has no such timeout",
        );
      }
      return commands;
    },
    listenForSignals,
    announce(metrics) {
      systemd.ready();
      print(startText(bind, metrics, certificate === undefined ? "http" : "https"));
    },
  };
}

/** Checks that workers can be started; nobody is asked. @throws {Error} when they cannot */
function checkMayStart(): void {
  const program = Deno.execPath();
  if (Deno.permissions.querySync({ name: "run", command: program }).state === "granted") return;
  throw new Error(
    `Cannot start workers: Requires run access to ${JSON.stringify(program)}, run again with the ` +
      "--allow-run flag",
  );
}

/**
 * Checks that what is named can be written to and listened on.
 *
 * @returns Where the application listens, with a free port in the place of port 0.
 */
async function checkAddresses({ accessLog, metrics, bind }: Config): Promise<BindAddress> {
  if (accessLog !== undefined && accessLog.path !== STDOUT) openForAppend(accessLog.path).close();
  probeAddress(metrics, "metrics endpoint");
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
