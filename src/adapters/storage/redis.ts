/**
 * A Redis server, a Sentinel group or a cluster.
 *
 * @module
 */
import process from "node:process";
import type { Log } from "../../core/log.ts";
import type { Snapshot, StorageReader } from "../../core/storage.ts";
import { awaitConnection, connectRedis } from "../../storage/redis/connect.ts";
import type { RedisConnection } from "../../storage/redis/connection.ts";
import { redisEndpoint, type RedisOptions, redisPrefix } from "../../storage/redis/options.ts";
import { openRedisReader } from "../../storage/redis/reader.ts";
import { removeAllRedis } from "../../storage/redis/remove_all.ts";
import { createRedisRetirer, type RedisRetirer } from "../../storage/redis/retire.ts";
import {
  type FlushOutcome,
  openRedisWriter,
  type RedisWriter,
} from "../../storage/redis/writer.ts";
import { flushMetrics, isFlushMetric } from "./flush_metrics.ts";
import type { Storage, StorageNeeds } from "./storage.ts";

/** Which server, and how it is used. */
export interface RedisStorageOptions {
  /** Where it is. */
  readonly redis: RedisOptions;
  /** Where events go. */
  readonly log: Log;
  /** Whether keys of Python's exporter are read too. */
  readonly python: boolean;
  /** What writers call this machine. */
  readonly host: string;
}

const DAY_SECONDS = 24 * 3600;

/** How long a read waits for the server's first answer, in milliseconds. */
const FIRST_ANSWER_MS = 1000;

/** The life of a writer that is silent, in seconds. */
const TTL_SECONDS = 300;

/**
 * Redis as a storage. The connection is made when it is first needed, in the background, and is the
 * same for all parts.
 *
 * Permission: net for the servers.
 */
export function redisStorage(options: RedisStorageOptions): Storage {
  const { redis, log, python, host } = options;
  const { client: _client, log: _log, ...plain } = redis;
  const target = redis.client === undefined ? redisEndpoint(redis).target : "the given client";
  const keyPrefix = redisPrefix(redis);
  // The server takes whole milliseconds.
  const ttlMs = Math.ceil((redis.ttlSeconds ?? TTL_SECONDS) * 1000);
  const dataLifeMs = Math.ceil((redis.dataLifeSeconds ?? DAY_SECONDS) * 1000);
  let connection: RedisConnection | undefined;
  let retirer: RedisRetirer | undefined;
  let writer: RedisWriter | undefined;
  let acknowledged = false;
  let readable = false;
  /** Why the last read failed. */
  let failure = "";

  const connected = (): RedisConnection => connection ??= connectRedis({ ...redis, log });
  const retiring = (): RedisRetirer =>
    retirer ??= createRedisRetirer({
      connection: connected(),
      keyPrefix,
      ttlMs,
      dataLifeMs,
      log,
    });
  const noteFlush = (outcome: FlushOutcome): void => {
    acknowledged ||= outcome.result === "ok";
    flushMetrics().note(outcome);
  };

  return {
    fields: { redis: target },
    unit: "keys",
    place: { kind: "redis", redis: plain, python, host },
    needs: { read: [], write: [], net: hostsOf(redis) },
    storesTimestamps: true,
    about: {
      sources: ["redis"],
      // The connection says what is wrong with the server, once for all that use it.
      isLogged: (message) => message === failure && connection?.problem !== undefined,
      redisStats: () => ({
        connected: readable,
        flushing: writer && acknowledged && writer.flushed,
      }),
    },
    // Several masters may share a server: none has it alone.
    claim: () =>
      Promise.resolve({
        recordWorkers() {},
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    openWriter(incarnation) {
      return writer = openRedisWriter({
        connection: connected(),
        keyPrefix,
        pid: process.pid,
        host,
        ...incarnation !== undefined && { incarnation },
        ttlMs,
        dataLifeMs,
        isQuiet: isFlushMetric,
        onFlush: noteFlush,
        onProblem({ source, message }) {
          const { connectedSince, problem } = connected();
          if (connectedSince !== undefined && problem === undefined) log.error(message, { source });
        },
      });
    },
    openReader(): StorageReader {
      const reader = openRedisReader({ connection: connected(), keyPrefix, python });
      return {
        async read(): Promise<Snapshot> {
          readable = false;
          await firstAnswer(connected());
          try {
            const snapshot = await reader.read();
            readable = true;
            return snapshot;
          } catch (error) {
            failure = error instanceof Error ? error.message : String(error);
            throw error;
          }
        },
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      };
    },
    check: () => awaitConnection(connected()),
    async retire(options) {
      try {
        const { folded, families, problems } = await retiring().retire(options);
        return { writers: folded, removed: families, problems };
      } catch (error) {
        // Who is patient comes again; the connection has said what is wrong.
        if (options?.patient === false || connected().connectedSince !== undefined) throw error;
        return { writers: 0, removed: 0, problems: [] };
      }
    },
    declareDead: (incarnation) => retiring().declareDead(incarnation),
    removeAll: () => removeAllRedis({ connection: connected(), keyPrefix }),
    async [Symbol.asyncDispose]() {
      await retirer?.[Symbol.asyncDispose]();
      await connection?.[Symbol.asyncDispose]();
    },
  };
}

/** A connection that was just begun is worth a moment: nobody is to read that there is none yet. */
async function firstAnswer(connection: RedisConnection): Promise<void> {
  // What is wrong is what the read then fails for.
  await awaitConnection(connection, FIRST_ANSWER_MS).catch(() => {});
}

/** Sentinels and clusters name further servers. */
function hostsOf(redis: RedisOptions): StorageNeeds["net"] {
  const { client, sentinels = [], clusterNodes = [] } = redis;
  if (client !== undefined || sentinels.length > 0 || clusterNodes.length > 0) return "all";
  const { host, port } = redisEndpoint(redis);
  return [host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`];
}
