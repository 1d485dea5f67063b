/**
 * Removes families of a writer.
 *
 * @module
 */
import { type RedisScript, redisScript } from "./connection.ts";

/**
 * ```text
 * KEYS  1 families, 2 generation, then data and meta key of each family
 * ARGV  the text of each family
 * ```
 */
export const REMOVE_SCRIPT: RedisScript = redisScript(
  "remove",
  `
local removed = 0
for i, family in ipairs(ARGV) do
  redis.call('DEL', KEYS[2 * i + 1], KEYS[2 * i + 2])
  removed = removed + redis.call('SREM', KEYS[1], family)
end
if removed > 0 then redis.call('INCR', KEYS[2]) end
return removed
`,
);
