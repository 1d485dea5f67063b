/**
 * Moves values of a dead writer into the accumulators.
 *
 * Each move says what it was computed from; where that is not what is stored, nothing is done. So the
 * script is right whatever happened since the values were read: the same script a second time, another
 * holder of the lease, a replica that took over and lacks the last writes.
 *
 * @module
 */
import { redisScript } from "./connection.ts";
import type { FamilyMoves } from "./fold_fields.ts";
import {
  type FamilyKey,
  FORMAT_VERSION,
  formatFamily,
  type RedisKeys,
  RETIRED_WRITER,
} from "./keys.ts";
import { LUA_HOLD_LEASE } from "./lease.ts";

/** How many fields one script may touch: the server does nothing else meanwhile. */
export const MAX_FIELDS = 1000;

/** As much as one script may carry of fields, in characters; then comes no further one. */
export const MAX_CHARS = 1_000_000;

/**
 * ```text
 * KEYS  1 lease, 2 generation, 3 families, 4 tombstone, then for each family data and meta key of the
 *       accumulator, data and meta key of the writer
 * ARGV  1 to 4 as ever, then for each family: its text in the accumulator, its text, the writer's
 *       start, length of the description, description; number of totals, of each: field, text before,
 *       text after; number of fields of the writer, of each: field, text
 * ```
 *
 * @returns `ok`; `changed` when the values are not those.
 */
export const FOLD = redisScript(
  "fold writer",
  LUA_HOLD_LEASE + `
local next = 5
local function take(count)
  local taken = {}
  for i = 1, count do taken[i] = ARGV[next + i - 1] end
  next = next + count
  return taken
end

local function holds(key, fields, texts)
  if #fields == 0 then return true end
  local found = redis.call('HMGET', key, unpack(fields))
  for i, text in ipairs(texts) do
    if (found[i] or '') ~= text then return false end
  end
  return true
end

local function everyOther(list, first, step)
  local found = {}
  for i = first, #list, step do found[#found + 1] = list[i] end
  return found
end

if redis.call('EXISTS', KEYS[4]) == 0 then return 'changed' end
local moves = {}
for first = 5, #KEYS, 4 do
  local head = take(4)
  local meta = take(tonumber(head[4]))
  local sets = take(tonumber(take(1)[1]) * 3)
  local removals = take(tonumber(take(1)[1]) * 2)
  local fields = everyOther(removals, 1, 2)
  if not holds(KEYS[first + 2], fields, everyOther(removals, 2, 2)) then return 'changed' end
  if not holds(KEYS[first], everyOther(sets, 1, 3), everyOther(sets, 2, 3)) then return 'changed' end
  local entries = {}
  for i = 1, #sets, 3 do
    entries[#entries + 1] = sets[i]
    entries[#entries + 1] = sets[i + 2]
  end
  moves[#moves + 1] = {
    data = KEYS[first], meta = KEYS[first + 1], from = KEYS[first + 2], fromMeta = KEYS[first + 3],
    family = head[1], fromFamily = head[2], start = head[3], about = meta,
    isNew = redis.call('HLEN', KEYS[first + 1]) == 0, entries = entries, fields = fields,
  }
end

redis.call('INCR', KEYS[2])
keep(KEYS[2], ARGV[4])
for _, move in ipairs(moves) do
  -- Where this right is missing it has to end before anything was added: it would be added each time.
  redis.call('HDEL', move.meta, '')
  if #move.entries > 0 then
    redis.call('HSET', move.data, unpack(move.entries))
    if move.isNew then redis.call('HSET', move.meta, unpack(move.about)) end
    local start = tonumber(redis.call('HGET', move.meta, 'start'))
    if move.start ~= '' and (not start or tonumber(move.start) < start) then
      redis.call('HSET', move.meta, 'start', move.start)
    end
    redis.call('SADD', KEYS[3], move.family)
    keep(KEYS[3], ARGV[4])
    keep(move.data, ARGV[3])
    keep(move.meta, ARGV[3])
  end
  if #move.fields > 0 then redis.call('HDEL', move.from, unpack(move.fields)) end
  if redis.call('EXISTS', move.from) == 0 then
    redis.call('DEL', move.fromMeta)
    redis.call('SREM', KEYS[3], move.fromFamily)
  end
end
return 'ok'
`,
);

/** What one script moves of a family. */
export interface FoldPart {
  /** The writer's family. */
  readonly family: FamilyKey;
  /** What is said about it, beside type, mode and version. */
  readonly about: { readonly help: string; readonly name: string };
  /** The values. */
  readonly moves: FamilyMoves;
}

/** The family of the accumulator that takes what a writer has. */
export function accumulatorOf(family: FamilyKey): string {
  return formatFamily({ ...family, writer: RETIRED_WRITER });
}

/** The keys of {@linkcode FOLD} after the lease. */
export function foldKeys(keys: RedisKeys, writer: string, parts: readonly FoldPart[]): string[] {
  return [
    keys.generation,
    keys.families,
    keys.tombstone(writer),
    ...parts.flatMap(({ family }) => {
      const [to, from] = [accumulatorOf(family), formatFamily(family)];
      return [keys.data(to), keys.meta(to), keys.data(from), keys.meta(from)];
    }),
  ];
}

/** The arguments of {@linkcode FOLD} after those of every holder's script. @param start Of the writer */
export function foldArgs(start: string, parts: readonly FoldPart[]): string[] {
  return parts.flatMap(({ family, about, moves: { sets, removed } }) => {
    const meta = [
      ...["type", family.kind, "mode", family.mode ?? ""],
      ...["help", about.help, "name", about.name, "version", FORMAT_VERSION],
    ];
    return [
      ...[accumulatorOf(family), formatFamily(family), start, String(meta.length), ...meta],
      String(sets.length),
      ...sets.flatMap(({ field, before, after }) => [field, before, after]),
      String(removed.length),
      ...removed.flatMap(({ field, text }) => [field, text]),
    ];
  });
}
