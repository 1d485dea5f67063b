/** Redis writers with many series, for benchmarks. */
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import type { Cell, StorageWriter } from "../../src/core/storage.ts";
import type { RedisConnection } from "../../src/storage/redis/connection.ts";
import { openRedisWriter, type RedisWriter } from "../../src/storage/redis/writer.ts";

/** The prefix of all keys. */
export const PREFIX = "gunicorn";

/** Series of counters with two labels, evenly over some families. */
export function allocateSeries(writer: StorageWriter, series: number, families: number): Cell[] {
  return Array.from({ length: series }, (_, i) => {
    const name = `app_${i % families}_requests_total`;
    const labels = { method: "GET", route: `/route/${Math.floor(i / families)}` };
    return writer.allocate("counter", undefined, encodeSampleKey(name, name, labels, "Requests."));
  });
}

/** A writer that flushes only when it is told to. */
export function openQuietWriter(connection: RedisConnection, pid: number): RedisWriter {
  const flushIntervalMs = 2 ** 30;
  const ttlMs = 2 ** 31;
  return openRedisWriter({
    connection,
    keyPrefix: PREFIX,
    pid,
    host: "bench",
    ttlMs,
    flushIntervalMs,
  });
}
