/**
 * Declares a writer dead: from now on no flush of it is applied.
 *
 * @module
 */
import { redisScript } from "./connection.ts";
import { LUA_HOLD_LEASE } from "./lease.ts";

/**
 * Keys: lease, generation, alive, sequence, tombstone. Arguments: the lease's, life of the tombstone,
 * life of the data (0 = for ever), `1` when the writer is known to have ended.
 *
 * Returns the tombstone's text, `alive`, or `type` when its key holds something else.
 */
export const TOMBSTONE = redisScript(
  "declare writer dead",
  LUA_HOLD_LEASE + `
local kind = redis.call('TYPE', KEYS[5]).ok
if kind ~= 'none' and kind ~= 'string' then return 'type' end
if ARGV[5] ~= '1' and kind == 'none' and redis.call('EXISTS', KEYS[3]) == 1 then return 'alive' end
local text = redis.call('GET', KEYS[5])
if not text then
  redis.call('INCR', KEYS[2])
  if ARGV[4] ~= '0' then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
  local sequence = redis.pcall('GET', KEYS[4])
  if type(sequence) ~= 'string' or not string.find(sequence, '^%d+$') then sequence = '0' end
  local time = redis.call('TIME')
  text = sequence .. ' ' .. string.format('%d%03d', time[1], math.floor(time[2] / 1000))
  redis.call('SET', KEYS[5], text, 'PX', ARGV[3])
end
redis.call('DEL', KEYS[3])
return text
`,
);
