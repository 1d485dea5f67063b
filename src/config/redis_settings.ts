/**
 * The settings of Redis, a part of the table of all settings.
 *
 * @module
 */
import { maskRedisUrl } from "../storage/redis/redis_url.ts";
import {
  formatAddresses,
  hostname,
  integer,
  onOff,
  optional,
  serviceAddresses,
  servicePort,
  text,
} from "./parsers.ts";
import type { Setting, Values } from "./setting.ts";

const maskSecret = (secret: string): string => secret === "" ? "" : "***";

/** The settings whose names begin with `redis`, in the order they are printed. */
export const REDIS_SETTINGS: {
  readonly [K in keyof Values & `redis${string}`]: Setting<Values[K]>;
} = {
  redisEnabled: {
    env: "REDIS_ENABLED",
    default: false,
    placeholder: "BOOL",
    group: "storage",
    description: "Whether Redis is the storage, in place of files",
    parser: onOff,
  },
  redisUrl: {
    flag: "redis-url",
    env: "REDIS_URL",
    isSecret: true,
    default: "",
    placeholder: "URL",
    group: "storage",
    description: "redis:// or rediss:// URL, over host, port, DB; the flag alone enables Redis",
    parser: optional(text("a URL")),
    format: maskRedisUrl,
  },
  redisHostname: {
    env: "REDIS_HOST",
    default: "localhost",
    placeholder: "HOST",
    group: "storage",
    description: "Host of the Redis server",
    parser: hostname,
  },
  redisPort: {
    env: "REDIS_PORT",
    default: 6379,
    placeholder: "PORT",
    group: "storage",
    description: "Port of the Redis server",
    parser: servicePort,
  },
  redisDb: {
    env: "REDIS_DB",
    default: 0,
    placeholder: "N",
    group: "storage",
    description: "Number of the Redis database",
    parser: integer("a whole number", 0, 2_147_483_647),
  },
  redisUsername: {
    env: "REDIS_USERNAME",
    default: "",
    placeholder: "USER",
    group: "storage",
    description: "User of the Redis server, where the URL names none",
    parser: optional(text("a user without control characters")),
  },
  redisPassword: {
    env: "REDIS_PASSWORD",
    isSecret: true,
    default: "",
    placeholder: "PASSWORD",
    group: "storage",
    description: "Password of the Redis server, where the URL has none",
    parser: optional(text("a password without control characters")),
    format: maskSecret,
  },
  redisSentinels: {
    env: "REDIS_SENTINELS",
    default: [],
    placeholder: "HOST:PORT,...",
    group: "storage",
    description: "Sentinels that know the Redis master: HOST:PORT,HOST:PORT",
    parser: serviceAddresses,
    format: formatAddresses,
  },
  redisSentinelName: {
    env: "REDIS_SENTINEL_MASTER",
    default: "mymaster",
    placeholder: "NAME",
    group: "storage",
    description: "Name by which Sentinels know the Redis master",
    parser: text("a name without control characters"),
  },
  redisSentinelPassword: {
    env: "REDIS_SENTINEL_PASSWORD",
    isSecret: true,
    default: "",
    placeholder: "PASSWORD",
    group: "storage",
    description: "Password of the Sentinels",
    parser: optional(text("a password without control characters")),
    format: maskSecret,
  },
  redisClusterNodes: {
    env: "REDIS_CLUSTER_NODES",
    default: [],
    placeholder: "HOST:PORT,...",
    group: "storage",
    description: "Some nodes of a Redis cluster: HOST:PORT,HOST:PORT",
    parser: serviceAddresses,
    format: formatAddresses,
  },
  redisCaFile: {
    env: "REDIS_SSL_CAFILE",
    default: "",
    placeholder: "FILE",
    group: "storage",
    description: "Certificates to trust for Redis, PEM: TLS is used, as with rediss://",
    parser: optional(text("a file")),
  },
  redisKeyPrefix: {
    env: "REDIS_KEY_PREFIX",
    default: "gunicorn",
    placeholder: "PREFIX",
    group: "storage",
    description: "What every Redis key begins with",
    parser: text("text without control characters"),
  },
  redisTtlSeconds: {
    env: "REDIS_TTL_SECONDS",
    default: 300,
    placeholder: "SECONDS",
    group: "storage",
    description: "How long a silent Redis writer counts as alive",
    parser: integer("whole seconds", 1, 2_147_483),
  },
  redisTtlDisabled: {
    env: "REDIS_TTL_DISABLED",
    default: false,
    placeholder: "BOOL",
    group: "storage",
    description: "Whether Redis keys that nobody renews stay for ever, not for a day",
    parser: onOff,
  },
  redisPython: {
    flag: "redis-python",
    env: "REDIS_PYTHON",
    isSwitch: true,
    default: false,
    placeholder: "BOOL",
    group: "storage",
    description: "Read what Python's exporter writes to Redis as well",
    parser: onOff,
  },
};
