/**
 * The effective configuration, after flags, environment and defaults were brought together.
 *
 * @module
 */
import type { LogLevel } from "../core/log.ts";

/** Where the value of a setting came from. */
export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "flag"; readonly name: string }
  | { readonly kind: "option"; readonly name: string };

/** Host and port of a TCP listener. */
export interface Address {
  /** Host name or IP address, without brackets. */
  readonly hostname: string;
  /** Port; 0 asks for a free one. */
  readonly port: number;
}

/** A Unix socket. */
export interface SocketAddress {
  /** Its path. */
  readonly path: string;
}

/** Where an application listens. */
export type BindAddress = Address | SocketAddress;

/** The Redis settings. */
export interface RedisConfig {
  /** Whether Redis is the storage (`--redis-url`, `REDIS_ENABLED`). */
  readonly enabled: boolean;
  /** URL of the server, used in place of host, port and database (`--redis-url`, `REDIS_URL`). */
  readonly url: string | undefined;
  /** Host name of the server (`REDIS_HOST`). */
  readonly hostname: string;
  /** Port of the server (`REDIS_PORT`). */
  readonly port: number;
  /** Number of the database (`REDIS_DB`). */
  readonly db: number;
  /** The user (`REDIS_USERNAME`). */
  readonly username: string | undefined;
  /** The password, secret (`REDIS_PASSWORD`). */
  readonly password: string | undefined;
  /** Sentinels to ask for the master (`REDIS_SENTINELS`). */
  readonly sentinels: readonly Address[];
  /** The name by which Sentinels know the master (`REDIS_SENTINEL_MASTER`). */
  readonly sentinelName: string;
  /** The password of the Sentinels, secret (`REDIS_SENTINEL_PASSWORD`). */
  readonly sentinelPassword: string | undefined;
  /** Some nodes of a cluster (`REDIS_CLUSTER_NODES`). */
  readonly clusterNodes: readonly Address[];
  /** Path of the certificates to trust, PEM: TLS is used (`REDIS_SSL_CAFILE`). */
  readonly caFile: string | undefined;
  /** What every key begins with (`REDIS_KEY_PREFIX`). */
  readonly keyPrefix: string;
  /** How long a silent writer counts as alive, in seconds (`REDIS_TTL_SECONDS`). */
  readonly ttlSeconds: number;
  /** Whether keys stay for ever when nobody renews them (`REDIS_TTL_DISABLED`). */
  readonly ttlDisabled: boolean;
  /** Whether what Python's exporter writes is read as well (`--redis-python`, `REDIS_PYTHON`). */
  readonly python: boolean;
}

/** Where the access log goes, and how it looks. */
export interface AccessLogConfig {
  /** Path of the file, or `"-"` for the standard output. */
  readonly path: string;
  /** The form of a line. */
  readonly format: "combined" | "json";
}

/** Paths of a certificate chain and its private key, both as PEM. */
export interface CertificateFiles {
  /** The chain, the server's own certificate first. */
  readonly certfile: string;
  /** The private key. */
  readonly keyfile: string;
}

/** A variable of the workers' environment. */
export interface Variable {
  /** Its name. */
  readonly name: string;
  /** Its value; it may be secret. */
  readonly value: string;
}

/** Every setting, validated. */
export interface Config {
  /** The directory of the metric files (`--dir`, `PROMETHEUS_MULTIPROC_DIR`). */
  readonly directory: string;
  /** Where the metrics endpoint listens (`--metrics-bind`, `--metrics-port`). */
  readonly metrics: Address;
  /** Where the application listens (`--bind`). */
  readonly bind: BindAddress;
  /** Number of workers (`--workers`, `GUNICORN_WORKERS`). */
  readonly workers: number;
  /** How workers run (`--worker-class`). */
  readonly workerClass: "process" | "thread";
  /** How long a stopping worker may take, in milliseconds (`--graceful-timeout`, in seconds). */
  readonly gracefulTimeoutMs: number;
  /**
   * How long a worker may take to start, or its event loop not turn, before it is killed, in
   * milliseconds; 0: for ever (`--timeout`, `GUNICORN_TIMEOUT`, in seconds).
   */
  readonly timeoutMs: number;
  /** After how many requests a worker is replaced; 0: never (`--max-requests`). */
  readonly maxRequests: number;
  /** The most by which chance raises that number (`--max-requests-jitter`). */
  readonly maxRequestsJitter: number;
  /** Flags for the workers' runtime, permissions included (`--deno-flag`, repeatable). */
  readonly denoFlags: readonly string[];
  /** Certificate of the application's server; `undefined` for none (`--certfile`, `--keyfile`). */
  readonly certificate: CertificateFiles | undefined;
  /** File that names the master's process id; `undefined` for none (`--pid`). */
  readonly pidFile: string | undefined;
  /** The working directory; `undefined` to stay where it was started (`--chdir`). */
  readonly workingDirectory: string | undefined;
  /** Whether the workers are replaced when a module of the application changes (`--reload`). */
  readonly reload: boolean;
  /**
   * How long an idle connection is kept, in milliseconds; `undefined`: as the server does by itself
   * (`--keepalive`, `GUNICORN_KEEPALIVE`, in seconds).
   */
  readonly keepAliveMs: number | undefined;
  /** Added to the workers' environment (`--env`, repeatable). */
  readonly workerEnv: readonly Variable[];
  /** The access log; `undefined` for none (`--access-log`, `--access-log-format`). */
  readonly accessLog: AccessLogConfig | undefined;
  /** Whether sizes have the label `endpoint` (`--sizes-by-endpoint`, `GPE_SIZES_BY_ENDPOINT`). */
  readonly sizesByEndpoint: boolean;
  /** Prefix of the worker and master metrics (`--metric-prefix`, default `gunicorn`). */
  readonly metricPrefix: string;
  /** On-disk layout (`--layout`): with times, or values only as Python's client before 0.18. */
  readonly layout: "timestamp" | "value";
  /**
   * Whether a starting master removes the files of the run before (`CLEANUP_DB_FILES`), rather than
   * going on with its totals (`--keep`).
   */
  readonly cleanupDbFiles: boolean;
  /** Whether files of Python's dead workers are folded (`--retire`). */
  readonly retire: boolean;
  /** Redis (`--redis-…`, `REDIS_…`). */
  readonly redis: RedisConfig;
  /** Lowest severity that is logged (`--log-level`). */
  readonly logLevel: LogLevel;
  /** Form of a log line (`--log-format`). */
  readonly logFormat: "text" | "json";
}
