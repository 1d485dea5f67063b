/**
 * Reading everything at once: for a storage that changes faster than it can be read.
 *
 * The script blocks the server while it runs, as every script does, so it is the last resort.
 *
 * @module
 */
import { redisScript } from "./connection.ts";
import type { RedisKeys } from "./keys.ts";
import { writerKeys } from "./writer_states.ts";

/** Stands for a part of a key that the script fills in. */
const GAP = "\u0001";

/**
 * Answers `[epoch, writers, families, data, meta, ids, states]`: data and meta of each family, and of each
 * id what its three keys hold. In the place of a list of another type stands nothing.
 */
export const READ_SCRIPT = redisScript(
  "read",
  `
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then return false end
  return error(reply.err)
end
local writers, families = call('HGETALL', KEYS[1]), call('SMEMBERS', KEYS[2])
local ids, known = {}, {}
local function note(id)
  if not known[id] then
    known[id] = true
    ids[#ids + 1] = id
  end
end
if type(writers) == 'table' then
  for i = 1, #writers, 2 do note(writers[i]) end
end
local data, meta = {}, {}
if type(families) == 'table' then
  for i, family in ipairs(families) do
    local head, hash = string.match(family, '^(.*):([^:]*)$')
    if head then
      data[i] = call('HGETALL', ARGV[1] .. head .. ARGV[2] .. hash)
      meta[i] = call('HMGET', ARGV[3] .. head .. ARGV[4] .. hash, 'version', 'start')
      note(string.match(head, '[^:]*$'))
    else
      data[i], meta[i] = {}, {}
    end
  end
end
for i = 8, #ARGV do note(ARGV[i]) end
local states = {}
for i, id in ipairs(ids) do
  for part = 5, 7 do states[#states + 1] = call('GET', ARGV[part] .. id) end
end
return {call('GET', KEYS[3]), writers, families, data, meta, ids, states}`,
);

/**
 * The keys and arguments of {@linkcode READ_SCRIPT}.
 *
 * @param writers Ids to tell the state of, beside those that are listed.
 */
export function readScriptArguments(
  keys: RedisKeys,
  writers: readonly string[],
): [keys: readonly string[], args: readonly string[]] {
  const family = `${GAP}:${GAP}`;
  const around = (key: string): readonly string[] => key.split(GAP);
  const [data, dataPart] = around(keys.data(family));
  const [meta, metaPart] = around(keys.meta(family));
  const states = writerKeys(keys, GAP).map((key) => around(key)[0]);
  const args = [data, dataPart, meta, metaPart, ...states, ...writers];
  return [[keys.writers, keys.families, keys.epoch], args as string[]];
}
