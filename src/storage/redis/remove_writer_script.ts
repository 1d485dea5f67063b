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
if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
`;

/**
 * Removes families. Keys: lease, generation, tombstone, families; data and meta of each family.
 * Arguments: the lease's, life of the data; the text of each family.
 *
 * Returns `ok`, or `changed` when the writer is not dead after all.
 */
export const REMOVE_FAMILIES = redisScript(
  "remove families",
  LUA_BEGIN + `
for i = 4, #ARGV do
  redis.call('DEL', KEYS[i * 2 - 3], KEYS[i * 2 - 2])
  redis.call('SREM', KEYS[4], ARGV[i])
end
return 'ok'
`,
);

/**
 * Forgets a writer that has no family. Its tombstone stays, should it come back. Keys: lease,
 * generation, tombstone, writers, sequence. Arguments: the lease's, life of the data; the writer.
 *
 * Returns as {@linkcode REMOVE_FAMILIES}.
 */
export const REMOVE_WRITER = redisScript(
  "remove writer",
  LUA_BEGIN + `
redis.call('HDEL', KEYS[4], ARGV[4])
redis.call('DEL', KEYS[5])
return 'ok'
`,
);
