/**
 * Removes everything that was stored under a prefix.
 *
 * @module
 */
import { StorageError } from "../../core/errors.ts";
import { type RedisConnection, redisScript } from "./connection.ts";
import { redisKeys } from "./keys.ts";
import { LUA_HOLD_LEASE, takeLease } from "./lease.ts";
import { listWriters } from "./writer_list.ts";

/** What {@linkcode removeAllRedis} empties. */
export interface RemoveAllRedisOptions {
  /** The connection; it stays the caller's. */
  readonly connection: RedisConnection;
  /** What all keys begin with. */
  readonly keyPrefix: string;
}

/**
 * ```text
 * KEYS  1 lease, 2 generation, 3 epoch, then the alive key of each writer, then all others
 * ARGV  1 to 4 as ever, 5 generation and 6 epoch when the keys were listed, 7 number of writers
 * ```
 *
 * @returns How many keys were removed; `changed` when there may be others, or a writer that lives.
 */
const REMOVE_ALL = redisScript(
  "remove all",
  LUA_HOLD_LEASE + `
local now = redis.call('MGET', KEYS[2], KEYS[3])
if (now[1] or '') ~= ARGV[5] or (now[2] or '') ~= ARGV[6] then return 'changed' end
for i = 4, 3 + tonumber(ARGV[7]) do
  if redis.call('EXISTS', KEYS[i]) == 1 then return 'changed' end
end
local removed = 0
for i = 2, #KEYS do removed = removed + redis.call('UNLINK', KEYS[i]) end
return removed
`,
);

/**
 * Removes all keys of a prefix that this program makes, the totals included. Keys of Python's exporter
 * and of others stay, and so do the tombstones of writers of which nothing else is left: these lapse.
 *
 * All at once: a writer that comes back finds that everything was lost, and begins anew.
 *
 * @returns How many keys were removed.
 * @throws {StorageError} When writers live, or another process changes the data; nothing is removed then.
 */
export async function removeAllRedis(options: RemoveAllRedisOptions): Promise<number> {
  const { connection, keyPrefix } = options;
  const keys = redisKeys(keyPrefix);
  const refusal = (state: string, expected: string): StorageError =>
    new StorageError(
      `Cannot remove all keys of ${JSON.stringify(keyPrefix)}: ${state}, expected ${expected}`,
      keyPrefix,
    );
  const lease = await takeLease(connection, keys, 0);
  if (lease === undefined) throw refusal("another process retires writers", "one that ends");
  try {
    const { generation, epoch, writers, families } = await listWriters(connection, keys);
    const live = writers.filter(({ isAlive }) => isAlive).map(({ id }) => id);
    if (live.length > 0) {
      throw refusal(`writers live: ${live.join(", ")}`, "no writer that lives");
    }
    const ids = writers.map(({ id }) => id);
    const removed = await lease.run(
      REMOVE_ALL,
      [
        ...[keys.generation, keys.epoch, ...ids.map(keys.alive)],
        ...[keys.writers, keys.families, ...ids.map(keys.sequence), ...ids.map(keys.tombstone)],
        ...families.flatMap((family) => [keys.data(family), keys.meta(family)]),
      ],
      [generation, epoch, String(ids.length)],
    );
    if (typeof removed !== "number") {
      throw refusal("a writer has come meanwhile", "no writer that lives");
    }
    return removed;
  } finally {
    await lease.release().catch(() => {}); // it lapses by itself
  }
}
