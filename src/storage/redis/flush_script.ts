/**
 * The script of a flush: everything in it, or nothing. It is fenced: a writer that was retired, that
 * missed a loss of data, or whose script was counted already, is told so, and nothing changes.
 *
 * A script has a number that its writer never used before, so the number stored says which state of
 * the writer the server holds. A script that comes late, after newer ones, finds another number than
 * the one it builds on.
 *
 * @module
 */
import { type RedisScript, redisScript } from "./connection.ts";

/**
 * ```text
 * KEYS  1 tombstone, 2 epoch, 3 sequence, 4 alive, 5 writers, 6 families, 7 generation,
 *       the tombstones of predecessors, then data and meta key of each family
 * ARGV  1 writer, 2 its start in seconds ("" when it is known), 3 the epoch expected ("" for any),
 *       4 the epoch to begin when there is none, 5 the number it builds on, 6 its own number,
 *       7 life of `alive` in ms, 8 life of data in ms ("0": for ever), 9 life of the catalogue in ms,
 *       10 number of predecessors, 11 number of families, the numbers in the predecessors' tombstones,
 *       then for each family: its text, length of its description, length of its samples,
 *       description, samples
 * ```
 *
 * The first write is one that a server without memory, and a replica, refuse: nothing is done in
 * halves. A key of another type (somebody else's) spoils its own family alone. Where a right is missing
 * the script counts as not run.
 */
export const FLUSH_SCRIPT: RedisScript = redisScript(
  "flush",
  `
local tombstone = redis.call('GET', KEYS[1])
local epoch = redis.call('GET', KEYS[2])
if tombstone then
  return {'retired', tombstone, tostring(redis.call('PTTL', KEYS[1])), epoch or ''}
end

local expected, before, own = ARGV[3], ARGV[5], ARGV[6]
if expected ~= '' and epoch ~= expected then return {'epoch'} end

local stored = redis.call('GET', KEYS[3]) or '0'
if stored == own and epoch then return {'ok', epoch} end
if expected == '' then
  if (tonumber(stored) or 0) > tonumber(own) then return {'behind', stored} end
elseif stored ~= before then
  return {'behind', stored}
end

local predecessors = tonumber(ARGV[10])
for i = 1, predecessors do
  local found = redis.call('GET', KEYS[7 + i]) or ''
  if string.match(found, '^%d+') ~= ARGV[11 + i] then return {'predecessor', tostring(i - 1)} end
end

local life, catalogueLife = ARGV[8], ARGV[9]
local function set(key, value, ms)
  if ms == '0' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ms) end
end
if not epoch then
  epoch = ARGV[4]
  set(KEYS[2], epoch, catalogueLife)
end
set(KEYS[4], '1', ARGV[7])
set(KEYS[3], own, life)

local result = {'ok', epoch}
local failure
local function try(key, ...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then
    result[#result + 1] = key .. ': ' .. reply.err
  else
    failure = reply.err
  end
end
local function write(key, first, last)
  for from = first, last, 1000 do
    if not try(key, 'HSET', key, unpack(ARGV, from, math.min(from + 999, last))) then return end
  end
end

local added = ARGV[2] ~= '' and try(KEYS[5], 'HSET', KEYS[5], ARGV[1], ARGV[2]) == 1
local at, key = 12 + predecessors, 8 + predecessors
for _ = 1, tonumber(ARGV[11]) do
  local description, samples = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local data, meta = KEYS[key], KEYS[key + 1]
  local first = at + 3 + description
  write(data, first, first + samples - 1)
  if description > 0 then
    write(meta, at + 3, first - 1)
    if try(KEYS[6], 'SADD', KEYS[6], ARGV[at]) == 1 then added = true end
    if life ~= '0' then
      try(data, 'PEXPIRE', data, life)
      try(meta, 'PEXPIRE', meta, life)
    end
  end
  at, key = first + samples, key + 2
end
if added then
  redis.pcall('INCR', KEYS[7]) -- readers look at the lists as well
  if catalogueLife ~= '0' then
    for i = 5, 7 do try(KEYS[i], 'PEXPIRE', KEYS[i], catalogueLife) end
    try(KEYS[2], 'PEXPIRE', KEYS[2], catalogueLife)
  end
end
if failure then
  set(KEYS[3], stored, life)
  return redis.error_reply(failure)
end
return result
`,
);

/** The writer was retired. */
export interface Retired {
  readonly type: "retired";
  /** The number of the last script that was counted. */
  readonly sequence: number;
  /** How long the tombstone stays, in milliseconds. */
  readonly lifeMs: number;
  /** The epoch now; empty when there is none. */
  readonly epoch: string;
}

/** What the server says to a flush. */
export type FlushAnswer =
  /** Counted, now or before. `problems` names keys that could not be written. */
  | { readonly type: "ok"; readonly epoch: string; readonly problems: readonly string[] }
  | Retired
  /** The data was lost, or begun anew by others. */
  | { readonly type: "epoch" }
  /** The server holds another state of the writer than the script builds on. */
  | { readonly type: "behind"; readonly sequence: number }
  /** One predecessor, by its place, is not marked as retired any more, or not with its number. */
  | { readonly type: "predecessor"; readonly place: number };

/** Reads the answer. @throws {TypeError} when it is none */
export function readFlushAnswer(reply: unknown): FlushAnswer {
  const [type, ...rest] = Array.isArray(reply) ? reply.map(String) : [];
  const [first = "", second = "", third = ""] = rest;
  switch (type) {
    case "ok":
      return { type, epoch: first, problems: rest.slice(1) };
    case "retired": {
      const lifeMs = Number(second);
      // -1: somebody made it stay for ever.
      return {
        type,
        sequence: parseInt(first, 10),
        lifeMs: lifeMs < 0 ? Infinity : lifeMs,
        epoch: third,
      };
    }
    case "epoch":
      return { type };
    case "behind":
      return { type, sequence: Number(first) };
    case "predecessor":
      return { type, place: Number(first) };
    default:
      throw new TypeError(`Cannot read the answer to a flush: ${JSON.stringify(reply)}`);
  }
}
