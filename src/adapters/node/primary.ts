/**
 * The primary of a cluster: it supervises the workers, and serves the metrics of all.
 *
 * @module
 */
import cluster, { type ClusterSettings } from "node:cluster";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createSecureContext } from "node:tls";
import type { Address, CertificateFiles, Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load.ts";
import { SETTING_KEYS, SETTINGS } from "../../config/settings.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { localUrl } from "../../master/start_text.ts";
import { errorText } from "../../storage/filesystem/file_errors.ts";
import type { RedisOptions } from "../../storage/redis/options.ts";
import type { Certificate } from "../http/certificate.ts";
import { serveMetricsOnNode } from "../http/metrics_server.ts";
import { createLog } from "../service/log.ts";
import { runService, type ServiceHost } from "../service/service.ts";
import { listenForSignals } from "../service/signals.ts";
import { storagePlace } from "../storage/place.ts";
import type { StoragePlace } from "../storage/storage.ts";
import { RUNTIME } from "../this_runtime.ts";
import { createClusterWorkers } from "./cluster_workers.ts";

/**
 * How a primary runs. What is not given comes from the environment, with the variables of `gpe serve`,
 * and then from its defaults.
 */
export interface PrimaryOptions {
  /** Number of workers. @default {`GUNICORN_WORKERS`, else 1} */
  readonly workers?: number;
  /**
   * The directory of the metric files; made when it is missing.
   *
   * @default {`PROMETHEUS_MULTIPROC_DIR`, else `/tmp/prometheus_multiproc`}
   */
  readonly directory?: string;
  /** Redis, in place of a directory. @default {that of `REDIS_…`, where `REDIS_ENABLED` is true} */
  readonly redis?: Omit<RedisOptions, "client" | "log">;
  /** On-disk layout, one for a whole directory. @default {"timestamp"} */
  readonly layout?: "timestamp" | "value";
  /** Whether to go on with the totals of the run before. @default {false} */
  readonly keep?: boolean;
  /** Whether files of Python's dead workers are folded as well. @default {false} */
  readonly retire?: boolean;
  /** Address of the metrics endpoint. @default {`PROMETHEUS_BIND_ADDRESS`, else `0.0.0.0`} */
  readonly metricsHostname?: string;
  /** Its port; 0 takes a free one. @default {`PROMETHEUS_METRICS_PORT`, else 9091} */
  readonly metricsPort?: number;
  /** Its certificate and private key, as PEM: it is served over TLS. @default {none} */
  readonly metricsCertificate?: CertificateFiles;
  /** What the names of the worker, master and sidecar metrics begin with. @default {"gunicorn"} */
  readonly metricPrefix?: string;
  /** Whether sizes have the label `endpoint`. @default {`GPE_SIZES_BY_ENDPOINT`, else false} */
  readonly sizesByEndpoint?: boolean;
  /**
   * How long a worker may take to start, or its event loop not turn, before it is killed, in
   * milliseconds; 0 is for ever. @default {`GUNICORN_TIMEOUT`, else 30,000}
   */
  readonly timeoutMs?: number;
  /** How long a stopping worker may take to finish its requests, in milliseconds. @default {30,000} */
  readonly gracefulTimeoutMs?: number;
  /** After how many requests a worker is replaced; 0 is never. @default {0} */
  readonly maxRequests?: number;
  /** The most by which chance raises that number. @default {0} */
  readonly maxRequestsJitter?: number;
  /**
   * How long workers' servers keep an idle connection, in milliseconds.
   *
   * @default {`GUNICORN_KEEPALIVE`, else what each server says}
   */
  readonly keepAliveMs?: number;
  /** What `cluster.setupPrimary` takes: `exec`, `args`, `execArgv` and so on. @default {this program} */
  readonly cluster?: ClusterSettings;
  /** Stops the service gracefully when aborted, as SIGTERM does. */
  readonly signal?: AbortSignal;
  /** Called when the first worker runs, with the address of the metrics endpoint. */
  readonly onRunning?: (metrics: Address) => void;
  /** Told what happens. @default {one line an event, on standard error} */
  readonly log?: Log;
}

/**
 * Runs this process as the primary of a cluster until it is stopped: forks workers, which call
 * `startWorker()`, replaces those that die or hang, and serves `/metrics` with the totals of all of
 * them, the dead ones too.
 *
 * Signals are those of Gunicorn's master: HUP replaces the workers one after the other, TERM stops
 * within the graceful timeout, INT and QUIT quickly, TTIN and TTOU are for one worker more or less,
 * USR1 has workers open their log files anew.
 *
 * @returns The exit code: 0 after SIGTERM, SIGINT or an abort; 1 when no worker could be started.
 * @throws {ConfigError} When an option or a variable is not accepted.
 * @throws {StorageError} When the storage cannot be used or belongs to another primary.
 * @throws {Error} When this process is a worker, or the endpoint's address cannot be listened on.
 */
export async function runPrimary(options: PrimaryOptions = {}): Promise<number> {
  if (!cluster.isPrimary) {
    throw new Error("Cannot run a primary: this process is a worker, expected startWorker() in it");
  }
  const config = configOf(options);
  const place = placeOf(options, config);
  const log = options.log ??
    createLog({ level: config.logLevel, format: config.logFormat, write: writeLine });
  const host = primaryHost(options, config, log);
  // Nobody is left to read, and that must not end the service.
  const ignore = (): void => {};
  process.stderr.on("error", ignore);
  try {
    return await runService({ config, place, log, signal: options.signal, host });
  } finally {
    process.stderr.off("error", ignore);
  }
}

function primaryHost(options: PrimaryOptions, config: Config, log: Log): ServiceHost {
  let certificate: Certificate | undefined;
  return {
    async check() {
      certificate = readCertificate(options.metricsCertificate);
      const handler = (): Response => new Response();
      await (await serveMetricsOnNode({ handler, ...config.metrics, log })).stop();
    },
    serveEndpoint: (endpoint) => serveMetricsOnNode(endpoint, certificate),
    createWorkers: (context) =>
      createClusterWorkers(config, { ...context, log, cluster: options.cluster ?? {} }),
    listenForSignals: (handlers) => listenForSignals(handlers),
    announce(metrics) {
      const scheme = certificate === undefined ? "http" : "https";
      log.info("Serving metrics", { url: localUrl(metrics, "/metrics", scheme) });
      options.onRunning?.(metrics);
    },
  };
}

/** The variables of the storage, which an option stands in for as a whole. */
const STORAGE_VARIABLES: ReadonlySet<string> = new Set(
  SETTING_KEYS.map((key) => SETTINGS[key])
    .flatMap(({ group, env }) => group === "storage" && env !== undefined ? [env] : []),
);

function configOf(options: PrimaryOptions): Config {
  const isStorageGiven = (options.directory ?? options.redis) !== undefined;
  return loadConfig({
    flags: {},
    env: (name) => isStorageGiven && STORAGE_VARIABLES.has(name) ? undefined : RUNTIME.env(name),
    options: {
      workers: options.workers,
      directory: options.directory,
      layout: options.layout,
      keep: options.keep,
      retire: options.retire,
      metricsHostname: options.metricsHostname,
      metricsPort: options.metricsPort,
      metricPrefix: options.metricPrefix,
      sizesByEndpoint: options.sizesByEndpoint,
      timeoutMs: options.timeoutMs,
      gracefulTimeoutMs: options.gracefulTimeoutMs,
      maxRequests: options.maxRequests,
      maxRequestsJitter: options.maxRequestsJitter,
      keepAliveMs: options.keepAliveMs,
    },
  }).config;
}

function placeOf({ directory, redis }: PrimaryOptions, config: Config): StoragePlace {
  const host = RUNTIME.hostname();
  if (redis === undefined) return storagePlace(config, host);
  const problems: string[] = [];
  if (directory !== undefined) problems.push("directory and redis are given, expected one of them");
  if ("client" in redis) {
    problems.push(
      "redis.client is given, expected an address: each worker makes a client of its own",
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { kind: "redis", redis, python: false, host };
}

function readCertificate(files: CertificateFiles | undefined): Certificate | undefined {
  if (files === undefined) return undefined;
  try {
    const certificate = {
      cert: readFileSync(files.certfile, "utf8"),
      key: readFileSync(files.keyfile, "utf8"),
    };
    createSecureContext(certificate);
    return certificate;
  } catch (error) {
    throw new Error(
      `Cannot use ${JSON.stringify(files.certfile)} and ${JSON.stringify(files.keyfile)}: ` +
        `${errorText(error)}, expected a certificate and its private key as PEM`,
      { cause: error },
    );
  }
}

function writeLine(line: string): void {
  process.stderr.write(line);
}
