/**
 * Removes what is left of a dead writer without being folded.
 *
 * @module
 */
import { redisScript } from "./connection.ts";
import { LUA_HOLD_LEASE } from "./lease.ts";

const LUA_BEGIN = LUA_HOLD_LEASE + `
if redis.call('EXISTS', KEYS[3]) == 0 then return 'changed' end
redis.call('INCR', KEYS[2])
keep(KEYS[2], ARGV[4])
`;

/**
 * Removes families.
 *
 * ```text
 * KEYS  1 lease, 2 generation, 3 tombstone, 4 families, then data and meta key of each family
 * ARGV  1 to 4 as ever, then the text of each family
 * ```
 *
 * @returns `ok`; `changed` when the writer is not dead after all.
 */
export const REMOVE_FAMILIES = redisScript(
  "remove families",
  LUA_BEGIN + `
for i = 5, #ARGV do
  redis.call('DEL', KEYS[i * 2 - 5], KEYS[i * 2 - 4])
  redis.call('SREM', KEYS[4], ARGV[i])
end
return 'ok'
`,
);

/**
 * Forgets a writer that has no family. Its tombstone stays, should it come back.
 *
 * ```text
 * KEYS  1 lease, 2 generation, 3 tombstone, 4 writers, 5 sequence
 * ARGV  1 to 4 as ever, 5 the writer
 * ```
 *
 * @returns As {@linkcode REMOVE_FAMILIES}.
 */
export const REMOVE_WRITER = redisScript(
  "remove writer",
  LUA_BEGIN + `
redis.call('HDEL', KEYS[4], ARGV[5])
redis.call('DEL', KEYS[5])
return 'ok'
`,
);
