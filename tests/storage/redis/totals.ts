/** What all writers and accumulators of a prefix add up to, read key by key; and snapshots of it. */
import { ExactSum } from "../../../src/core/exact_sum.ts";
import { parseFamily, type RedisKeys } from "../../../src/storage/redis/keys.ts";
import { readValueText } from "../../../src/storage/redis/value_text.ts";
import { type LossyConnection, readHash } from "./writer_scene.ts";

/** The exact sum of every series that adds up, rounded once, by sample key. */
export async function readTotals(
  connection: LossyConnection,
  keys: RedisKeys,
): Promise<Map<string, number>> {
  const sums = new Map<string, ExactSum>();
  const slots = new Float64Array(2);
  for (const text of await connection.ask("SMEMBERS", keys.families) as string[]) {
    const family = parseFamily(text);
    if (family === undefined || family.kind === "gauge" && family.mode !== "sum") continue;
    for (const [key, value] of await readHash(connection, keys.data(text))) {
      const rest = readValueText(value, slots, 0);
      if (rest === undefined) throw new Error(`no value: ${value}`);
      let sum = sums.get(key);
      if (sum === undefined) sums.set(key, sum = new ExactSum());
      for (const double of [slots[0] as number, ...rest]) sum.add(double);
    }
  }
  return new Map([...sums].map(([key, sum]) => [key, sum.rounded()]));
}

/** Keeps a copy of everything in another database. */
export async function takeSnapshot(connection: LossyConnection, database: number): Promise<void> {
  await connection.ask(
    "EVAL",
    `redis.call('SELECT', ARGV[1]); redis.call('FLUSHDB'); redis.call('SELECT', '0')
    for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[1]) end`,
    "0",
    `${database}`,
  );
}

/** Brings back what was there, as a replica does that takes over and lacks the last writes. */
export async function restoreSnapshot(
  connection: LossyConnection,
  database: number,
): Promise<void> {
  await connection.ask(
    "EVAL",
    `redis.call('FLUSHDB'); redis.call('SELECT', ARGV[1])
    for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', '0') end`,
    "0",
    `${database}`,
  );
}
