/**
 * The Redis settings: brought together, checked, and as options of the storage.
 *
 * @module
 */
import {
  type OptionNames,
  redisContradictions,
  type RedisNode,
  type RedisOptions,
} from "../storage/redis/options.ts";
import type { Address, Origin, RedisConfig } from "./config.ts";
import type { Values } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** The settings of Redis. @param urlByFlag Whether the URL was given by its flag, which enables it */
export function redisConfig(values: Values, urlByFlag: boolean): RedisConfig {
  return {
    enabled: values.redisEnabled || (urlByFlag && values.redisUrl !== ""),
    url: values.redisUrl || undefined,
    hostname: values.redisHostname,
    port: values.redisPort,
    db: values.redisDb,
    username: values.redisUsername || undefined,
    password: values.redisPassword || undefined,
    sentinels: values.redisSentinels,
    sentinelName: values.redisSentinelName,
    sentinelPassword: values.redisSentinelPassword || undefined,
    clusterNodes: values.redisClusterNodes,
    caFile: values.redisCaFile || undefined,
    keyPrefix: values.redisKeyPrefix,
    ttlSeconds: values.redisTtlSeconds,
    ttlDisabled: values.redisTtlDisabled,
    python: values.redisPython,
  };
}

/**
 * What contradicts itself, one line each. Nothing when Redis is not the storage: the variables may be
 * the application's own.
 */
export function checkRedis(
  config: RedisConfig,
  origins: { readonly [K in keyof Values]: Origin },
): string[] {
  if (!config.enabled) {
    return origins.redisPython.kind === "flag" && config.python
      ? ["--redis-python is given, but Redis is not the storage, expected --redis-url"]
      : [];
  }
  const url = origins.redisUrl.kind === "flag" ? `--${SETTINGS.redisUrl.flag}` : "REDIS_URL";
  const problems = redisContradictions(redisOptions(config, ""), { ...VARIABLES, url });
  if (config.python && config.clusterNodes.length > 0) {
    problems.push(
      "--redis-python reads keys that Python does not write to a cluster, " +
        "expected no REDIS_CLUSTER_NODES",
    );
  }
  return problems;
}

const VARIABLES: OptionNames = {
  url: "REDIS_URL",
  db: "REDIS_DB",
  tls: "REDIS_SSL_CAFILE",
  sentinels: "REDIS_SENTINELS",
  clusterNodes: "REDIS_CLUSTER_NODES",
  username: "REDIS_USERNAME",
  password: "REDIS_PASSWORD",
};

/**
 * The settings as options of the storage, which have secrets in them.
 *
 * @param ca What stands in the file `caFile`; of no effect without one.
 */
export function redisOptions(config: RedisConfig, ca: string | undefined): RedisOptions {
  const { url, username, password, sentinelPassword } = config;
  return {
    ...url === undefined ? {} : { url },
    host: config.hostname,
    port: config.port,
    db: config.db,
    ...username === undefined ? {} : { username },
    ...password === undefined ? {} : { password },
    ...config.caFile === undefined || ca === undefined ? {} : { tls: { ca } },
    sentinels: config.sentinels.map(toNode),
    sentinelName: config.sentinelName,
    ...sentinelPassword === undefined ? {} : { sentinelPassword },
    clusterNodes: config.clusterNodes.map(toNode),
    keyPrefix: config.keyPrefix,
    ttlSeconds: config.ttlSeconds,
    ...config.ttlDisabled ? { dataLifeSeconds: 0 } : {},
  };
}

function toNode({ hostname, port }: Address): RedisNode {
  return { host: hostname, port };
}
