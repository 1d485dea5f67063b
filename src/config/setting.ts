/**
 * What a setting is, and the type of each.
 *
 * @module
 */
import type { LogLevel } from "../core/log.ts";
import type { Address, BindAddress, Variable } from "./config.ts";
import type { Parser } from "./parsers.ts";

/** Which subcommands a setting is for. */
export type SettingGroup = "storage" | "retire" | "endpoint" | "serve" | "log";

/** One setting. */
export interface Setting<T> {
  /** The flag without dashes, where there is one. */
  readonly flag?: string;
  /** The environment variable, where there is one. An empty one counts as not set. */
  readonly env?: string;
  /** Whether the flag may be given several times; the parser then gets one value at a time. */
  readonly repeatable?: true;
  /** Whether the flag stands alone: given, it means "true". */
  readonly isSwitch?: true;
  /** Whether a text that is not accepted must not be shown either. */
  readonly isSecret?: true;
  /** The value when nothing is given. */
  readonly default: T;
  /** What the value stands for in a help text. */
  readonly placeholder: string;
  /** Which subcommands it is for. */
  readonly group: SettingGroup;
  /** One line for the help text. */
  readonly description: string;
  /** Reads the text of the flag or variable. */
  readonly parser: Parser<T>;
  /** The value as text to show. `String` when not given. */
  readonly format?: (value: T) => string;
}

/** The type of each setting. */
export interface Values {
  /** `--dir` */
  directory: string;
  /** `--metrics-bind` */
  metricsHostname: string;
  /** `--metrics-port` */
  metricsPort: number;
  /** `--bind` */
  bind: BindAddress;
  /** `--workers` */
  workers: number;
  /** `--worker-class` */
  workerClass: "process" | "thread";
  /** `--graceful-timeout` */
  gracefulTimeoutMs: number;
  /** `--timeout` */
  timeoutMs: number;
  /** `--max-requests` */
  maxRequests: number;
  /** `--max-requests-jitter` */
  maxRequestsJitter: number;
  /** `--deno-flag` */
  denoFlags: readonly string[];
  /** `--certfile` */
  certfile: string;
  /** `--keyfile` */
  keyfile: string;
  /** `--pid` */
  pidFile: string;
  /** `--chdir` */
  workingDirectory: string;
  /** `--env` */
  workerEnv: readonly Variable[];
  /** `--reload` */
  reload: boolean;
  /** `--keepalive` */
  keepAliveMs: number | undefined;
  /** `--access-log` */
  accessLog: string;
  /** `--access-log-format` */
  accessLogFormat: "combined" | "json";
  /** `--sizes-by-endpoint` */
  sizesByEndpoint: boolean;
  /** `--metric-prefix` */
  metricPrefix: string;
  /** `--layout` */
  layout: "timestamp" | "value";
  /** `CLEANUP_DB_FILES` */
  cleanupDbFiles: boolean;
  /** `--keep` */
  keep: boolean;
  /** `--retire` */
  retire: boolean;
  /** `REDIS_ENABLED` */
  redisEnabled: boolean;
  /** `--redis-url` */
  redisUrl: string;
  /** `REDIS_HOST` */
  redisHostname: string;
  /** `REDIS_PORT` */
  redisPort: number;
  /** `REDIS_DB` */
  redisDb: number;
  /** `REDIS_USERNAME` */
  redisUsername: string;
  /** `REDIS_PASSWORD` */
  redisPassword: string;
  /** `REDIS_SENTINELS` */
  redisSentinels: readonly Address[];
  /** `REDIS_SENTINEL_MASTER` */
  redisSentinelName: string;
  /** `REDIS_SENTINEL_PASSWORD` */
  redisSentinelPassword: string;
  /** `REDIS_CLUSTER_NODES` */
  redisClusterNodes: readonly Address[];
  /** `REDIS_SSL_CAFILE` */
  redisCaFile: string;
  /** `REDIS_KEY_PREFIX` */
  redisKeyPrefix: string;
  /** `REDIS_TTL_SECONDS` */
  redisTtlSeconds: number;
  /** `REDIS_TTL_DISABLED` */
  redisTtlDisabled: boolean;
  /** `--redis-python` */
  redisPython: boolean;
  /** `--log-level` */
  logLevel: LogLevel;
  /** `--log-format` */
  logFormat: "text" | "json";
}
