/**
 * Declares a writer dead: from now on no flush of it is applied.
 *
 * @module
 */
import { redisScript } from "./connection.ts";
import { LUA_HOLD_LEASE } from "./lease.ts";

/**
 * ```text
 * KEYS  1 lease, 2 generation, 3 alive, 4 sequence, 5 tombstone
 * ARGV  1 to 4 as ever, 5 life of the tombstone in ms, 6 "1" when the writer has ended for certain
 * ```
 *
 * @returns The tombstone's text; `alive`, or `type` when its key holds something else.
 */
export const TOMBSTONE = redisScript(
  "declare writer dead",
  LUA_HOLD_LEASE + `
local kind = redis.call('TYPE', KEYS[5]).ok
if kind ~= 'none' and kind ~= 'string' then return 'type' end
if ARGV[6] ~= '1' and kind == 'none' and redis.call('EXISTS', KEYS[3]) == 1 then return 'alive' end
local text = redis.call('GET', KEYS[5])
if not text then
  redis.call('INCR', KEYS[2])
  keep(KEYS[2], ARGV[4])
  local sequence = redis.pcall('GET', KEYS[4])
  if type(sequence) ~= 'string' or not string.find(sequence, '^%d+$') then sequence = '0' end
  local time = redis.call('TIME')
  text = sequence .. ' ' .. string.format('%d%03d', time[1], math.floor(time[2] / 1000))
  redis.call('SET', KEYS[5], text, 'PX', ARGV[5])
end
redis.call('DEL', KEYS[3])
return text
`,
);
