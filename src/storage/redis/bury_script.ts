/**
 * Marks a writer as retired: it gets a tombstone with the number of its last script, unless it has one.
 *
 * @module
 */
import { type RedisScript, redisScript } from "./connection.ts";

/**
 * ```text
 * KEYS  1 tombstone, 2 sequence, 3 alive, 4 generation
 * ARGV  1 the sequence expected, 2 life of the tombstone in ms
 * ```
 *
 * @returns The tombstone that is there now: `<sequence> <milliseconds since the epoch>`; the empty
 * text when the sequence is another one.
 */
export const BURY_SCRIPT: RedisScript = redisScript(
  "bury",
  `
local tombstone = redis.call('GET', KEYS[1])
if tombstone then return tombstone end
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return '' end
local time = redis.call('TIME')
tombstone = string.format('%s %.0f', ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('SET', KEYS[1], tombstone, 'PX', ARGV[2])
redis.call('DEL', KEYS[3])
redis.call('INCR', KEYS[4])
return tombstone
`,
);
