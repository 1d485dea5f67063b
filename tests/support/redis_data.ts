/** Data of writers on a server, put there by hand, and what a page shows of it. */
import { createAggregator } from "../../src/core/aggregate.ts";
import type { SampleSource } from "../../src/core/storage.ts";
import {
  expectReplies,
  type RedisCommand,
  type RedisConnection,
  redisScript,
} from "../../src/storage/redis/connection.ts";
import {
  familyHash,
  FORMAT_VERSION,
  formatFamily,
  parseFamily,
  redisKeys,
  RETIRED_WRITER,
} from "../../src/storage/redis/keys.ts";
import { numberText, readValueText } from "../../src/storage/redis/value_text.ts";
import { keysOf, type Type } from "./retiring.ts";
import { printed } from "./snapshots.ts";

/** Life of the data in tests. */
export const LIFE_MS = 24 * 3600 * 1000;

/** A writer that keeps its values here and puts them to the server when it is told to. */
export interface HandWriter {
  /** Its id. */
  readonly id: string;
  /** Adds to every series `i` of a type that adds up, or sets it. */
  put(type: Type, i: number | string, value: number, time?: number): void;
  /** Sets the text of a field, whatever it is. */
  field(type: Type, key: string, text: string): void;
  /** Writes everything, and says that it lives. */
  flush(): Promise<void>;
  /** Is silent for too long. */
  die(): Promise<void>;
}

/** The name of the family of a type. */
export function familyName([kind, mode]: Type): string {
  return mode === undefined ? kind : `${kind}_${mode}`;
}

/** The family of a type and writer, as text. */
export function familyText(type: Type, writer: string): string {
  const [kind, mode] = type;
  return formatFamily({ kind, mode, writer, hash: familyHash(familyName(type)) });
}

/** Makes a writer. */
export function handWriter(
  connection: RedisConnection,
  prefix: string,
  id: string,
  { start = 1, lifeMs = LIFE_MS }: { readonly start?: number; readonly lifeMs?: number } = {},
): HandWriter {
  const keys = redisKeys(prefix);
  const families = new Map<string, { readonly type: Type; readonly fields: Map<string, string> }>();
  const values = new Map<string, number>();
  let sequence = 0;
  const familyOf = (type: Type): Map<string, string> => {
    const text = familyText(type, id);
    let family = families.get(text);
    if (family === undefined) families.set(text, family = { type, fields: new Map() });
    return family.fields;
  };
  return {
    id,
    put(type, i, value, time = 0) {
      const fields = familyOf(type);
      for (const key of keysOf(type, i)) {
        const name = `${familyName(type)} ${key}`;
        const now = type[0] === "gauge" ? value : (values.get(name) ?? 0) + value;
        values.set(name, now);
        fields.set(key, numberText(now) + (time === 0 ? "" : ` ${numberText(time)}`));
      }
    },
    field(type, key, text) {
      familyOf(type).set(key, text);
    },
    async flush() {
      const life = (key: string): RedisCommand[] =>
        lifeMs === 0 ? [] : [["PEXPIRE", key, String(lifeMs)]];
      const commands: RedisCommand[] = [["HSET", keys.writers, id, String(start)]];
      for (const [text, { type, fields }] of families) {
        const [kind, mode] = type;
        commands.push(
          ["SADD", keys.families, text],
          ["HSET", keys.data(text), ...[...fields].flat()],
          ["HSET", keys.meta(text), "type", kind, "mode", mode ?? "", "help", "Help"],
          ["HSET", keys.meta(text), "name", familyName(type), "version", FORMAT_VERSION],
          ...life(keys.data(text)),
          ...life(keys.meta(text)),
        );
      }
      commands.push(
        ["SET", keys.sequence(id), String(++sequence)],
        ["SET", keys.alive(id), "1", "PX", "3600000"],
        ["INCR", keys.generation],
        ["SET", keys.epoch, "epoch"],
        ...[keys.writers, keys.families, keys.sequence(id), keys.generation, keys.epoch]
          .flatMap(life),
      );
      expectReplies(
        await connection.send([["MULTI"], ...commands, ["EXEC"]]),
      );
    },
    async die() {
      expectReplies(await connection.send([["DEL", keys.alive(id)]]));
    },
  };
}

/** Everything at one moment: families, fields, writers with alive keys and tombstones. */
const READ_ALL = redisScript(
  "read all",
  `
local prefix = KEYS[1]
local found = {}
for _, family in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local data = string.match(family, '^(.*):([^:]*)$')
  local hash = string.match(family, ':([^:]*)$')
  local name = prefix .. ':' .. (data or '') .. ':metric:' .. (hash or '')
  local id = string.match(data or '', ':([^:]*)$') or ''
  local fields = {}
  if redis.call('TYPE', name).ok == 'hash' then fields = redis.call('HGETALL', name) end
  found[#found + 1] = {
    family, fields, redis.call('HGET', prefix .. ':' .. (data or '') .. ':meta:' .. (hash or ''), 'start') or '',
    redis.call('EXISTS', prefix .. ':gpe:alive:' .. id) - redis.call('EXISTS', prefix .. ':gpe:tombstone:' .. id),
  }
end
return found
`,
);

/** What a page shows: the values by series, unguarded. What is no sample is left out. */
export async function redisPage(
  connection: RedisConnection,
  prefix: string,
): Promise<Record<string, number>> {
  const reply = await connection.run(READ_ALL, [prefix, redisKeys(prefix).families], []) as [
    family: string,
    fields: string[],
    start: string,
    alive: number,
  ][];
  const sources = reply.flatMap(([text, fields, start, alive]): SampleSource[] => {
    const family = parseFamily(text);
    if (family === undefined) return [];
    const values = new Float64Array(fields.length);
    const keys: string[] = [];
    const components = new Map<number, readonly number[]>();
    for (let i = 0; i < fields.length; i += 2) {
      const rest = readValueText(fields[i + 1]!, values, keys.length * 2);
      if (rest === undefined) continue;
      if (rest.length > 0) components.set(keys.length, rest);
      keys.push(fields[i]!);
    }
    const accumulator = family.writer === RETIRED_WRITER;
    return [{
      ...family,
      name: text,
      liveness: alive > 0 ? "live" : "dead",
      startTime: accumulator ? Number(start) : 1,
      accumulator,
      keys,
      revision: 0,
      values,
      slots: Uint32Array.from(keys, (_, i) => i * 2),
      hasTimestamps: true,
      components,
    }];
  }).sort((a, b) => a.name < b.name ? -1 : 1);
  const writers = { live: 0, dead: 0, unknown: 0 };
  const aggregator = createAggregator({ guard: false });
  return printed(aggregator.aggregate({ sources, writers, problems: [] }));
}

/** All keys of a prefix, with the time each has left in milliseconds, -1 = for ever. */
export async function keysLeft(
  connection: RedisConnection,
  prefix: string,
): Promise<Map<string, number>> {
  const [found] = expectReplies(await connection.send([["KEYS", `${prefix}:*`]])) as [string[]];
  const keys = found.sort();
  const left = expectReplies(await connection.send(keys.map((key) => ["PTTL", key])));
  return new Map(keys.map((key, i) => [key, left[i] as number]));
}
