/**
 * How Redis is reached and used.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { clusterPrefix } from "./keys.ts";
import type { RedisClient } from "./redis_client.ts";
import { maskRedisUrl, parseRedisUrl, REDIS_URL_FORM, type RedisUrl } from "./redis_url.ts";

/** Host and port of a server. */
export interface RedisNode {
  /** Host name or IP address, without brackets. */
  readonly host: string;
  /** Port. */
  readonly port: number;
}

/** The options of the Redis storage: where the server is, and how it is used. */
export interface RedisOptions {
  /** A client to use, `Redis` or `Cluster` of ioredis. It is left open, and says where the server is. */
  readonly client?: RedisClient;
  /**
   * `redis://USER:PASSWORD@HOST:PORT/DB`, `rediss://…` for TLS. It is used in place of `host`,
   * `port` and `db`.
   */
  readonly url?: string;
  /** Host of the server. @default {"localhost"} */
  readonly host?: string;
  /** Port of the server. @default {6379} */
  readonly port?: number;
  /** Number of the database. @default {0} */
  readonly db?: number;
  /** The user, where the URL names none. */
  readonly username?: string;
  /** The password, where the URL has none. */
  readonly password?: string;
  /** TLS: with `ca`, certificates as PEM, in place of the system's. */
  readonly tls?: boolean | { readonly ca: string };
  /** Sentinels to ask for the master. */
  readonly sentinels?: readonly RedisNode[];
  /** The name by which Sentinels know the master. @default {"mymaster"} */
  readonly sentinelName?: string;
  /** The password of the Sentinels. */
  readonly sentinelPassword?: string;
  /** Some nodes of a cluster; the others are found. */
  readonly clusterNodes?: readonly RedisNode[];
  /** What every key begins with. @default {"gunicorn"} */
  readonly keyPrefix?: string;
  /** How long a silent writer counts as alive, in seconds. @default {300} */
  readonly ttlSeconds?: number;
  /** How long data stays when nobody renews it, in seconds; 0: for ever. @default {86400} */
  readonly dataLifeSeconds?: number;
  /** How long a command may take, in milliseconds. @default {5000} */
  readonly commandTimeoutMs?: number;
  /** Told each problem once, and when all are over. @default {SILENT_LOG} */
  readonly log?: Log;
}

/** Where to connect to. */
export interface RedisEndpoint extends RedisUrl {
  /** For messages: host, port and database, no secret. */
  readonly target: string;
}

/** What keys begin with: on a cluster all keys of a prefix have to be in one slot. */
export function redisPrefix(options: RedisOptions): string {
  const { client, clusterNodes = [], keyPrefix = "gunicorn" } = options;
  const cluster = client === undefined ? clusterNodes.length > 0 : client.isCluster === true;
  return cluster ? clusterPrefix(keyPrefix) : keyPrefix;
}

/**
 * Where to connect to.
 *
 * @throws {ConfigError} when options are malformed or contradict each other
 */
export function redisEndpoint(options: RedisOptions): RedisEndpoint {
  const { sentinels = [], clusterNodes = [], sentinelName = "mymaster" } = options;
  const problems = redisContradictions(options);
  if (problems.length > 0) throw new ConfigError(problems);
  const url = options.url === undefined ? undefined : parseRedisUrl(options.url);
  const endpoint = {
    tls: url?.tls ?? (options.tls !== undefined && options.tls !== false),
    host: url?.host ?? options.host ?? "localhost",
    port: url?.port ?? options.port ?? 6379,
    db: url?.db ?? options.db ?? 0,
    username: url?.username || (options.username ?? ""),
    password: url?.password || (options.password ?? ""),
  };
  const target = clusterNodes.length > 0
    ? clusterNodes.map(formatNode).join(",")
    : sentinels.length > 0
    ? `${sentinels.map(formatNode).join(",")}/${sentinelName}/${endpoint.db}`
    : `${formatNode(endpoint)}/${endpoint.db}`;
  return { ...endpoint, target };
}

/** The names by which a place that takes these options calls them. */
export type OptionNames = Readonly<
  Record<"url" | "db" | "tls" | "sentinels" | "clusterNodes" | "username" | "password", string>
>;

const LIBRARY_NAMES: OptionNames = {
  url: "url",
  db: "db",
  tls: "tls",
  sentinels: "sentinels",
  clusterNodes: "clusterNodes",
  username: "username",
  password: "password",
};

/** As long as a timer can run. */
const MAX_SECONDS = 2_147_483;

/** What is malformed or contradicts itself, one line each. */
export function redisContradictions(
  options: RedisOptions,
  names: OptionNames = LIBRARY_NAMES,
): string[] {
  const { url, sentinels = [], clusterNodes = [], db = 0, tls = false, client } = options;
  const problems: string[] = [];
  const { ttlSeconds = 1, dataLifeSeconds = 0 } = options;
  if (!(ttlSeconds > 0 && ttlSeconds <= MAX_SECONDS)) {
    problems.push(`ttlSeconds is ${ttlSeconds}, expected more than 0, at most ${MAX_SECONDS}`);
  }
  if (!(dataLifeSeconds >= 0 && Number.isFinite(dataLifeSeconds))) {
    problems.push(`dataLifeSeconds is ${dataLifeSeconds}, expected 0 or more`);
  }
  const prefix = client?.options?.keyPrefix ?? "";
  if (prefix !== "") {
    // It knows the keys of commands, but neither those in a script's arguments nor those SCAN finds.
    const wanted = "expected none: the option keyPrefix says what all keys begin with";
    problems.push(`client has keyPrefix ${JSON.stringify(prefix)}, ${wanted}`);
  }
  const parsed = url === undefined ? undefined : parseRedisUrl(url);
  if (url !== undefined && parsed === undefined) {
    problems.push(
      `${names.url} is ${JSON.stringify(maskRedisUrl(url))}, expected ${REDIS_URL_FORM}`,
    );
  }
  const oneOf = [
    ...url === undefined ? [] : [names.url],
    ...sentinels.length === 0 ? [] : [names.sentinels],
    ...clusterNodes.length === 0 ? [] : [names.clusterNodes],
  ];
  if (oneOf.length > 1) {
    problems.push(`${oneOf.join(" and ")} contradict each other, expected one of them`);
  }
  if (clusterNodes.length > 0 && url === undefined && db !== 0) {
    problems.push(`${names.db} is "${db}", but a cluster has no other database than 0, expected 0`);
  }
  if (parsed?.tls === false && tls !== false) {
    problems.push(`${names.tls} is given, but ${names.url} has no TLS, expected rediss://`);
  }
  if (
    (parsed?.username || options.username) && !(parsed?.password || options.password)
  ) {
    problems.push(`${names.username} is given without a password, expected ${names.password}`);
  }
  return problems;
}

function formatNode({ host, port }: RedisNode): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
