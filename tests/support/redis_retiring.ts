/** Writers on a server, what a page shows of them, and connections that break: for tests of retiring. */
import { StorageError } from "../../src/core/errors.ts";
import type { Cell } from "../../src/core/storage.ts";
import {
  expectReplies,
  type RedisCommand,
  type RedisConnection,
} from "../../src/storage/redis/connection.ts";
import { familyHash, formatFamily, RETIRED_WRITER } from "../../src/storage/redis/keys.ts";
import {
  createRedisRetirer,
  openRedisReader,
  openRedisWriter,
  type RedisRetirer,
  type RedisRetirerOptions,
  type RedisWriter,
} from "../../src/storage/redis/mod.ts";
import { decodeSampleKey } from "../../src/core/sample_key.ts";
import { keysOf, readPage, type Type } from "./retiring.ts";

/** Life of data, in milliseconds. */
export const LIFE_MS = 24 * 3600 * 1000;

/** A server, and what its keys begin with. */
export interface Place {
  readonly connection: RedisConnection;
  readonly keyPrefix: string;
}

/** A writer that flushes when it is told to. Disposing of it is its death: all it has stays. */
export interface RedisWorker extends AsyncDisposable {
  /** The storage writer. */
  readonly writer: RedisWriter;
  /** The values, by type and sample key. */
  readonly cells: ReadonlyMap<string, Cell>;
  /** Adds to every series `i` of a type that adds up, or sets it. */
  put(type: Type, i: number | string, value: number, time?: number): void;
  /** Brings everything to the server. */
  flush(): Promise<void>;
}

/** Opens a writer. */
export function openRedisWorker(
  { connection, keyPrefix }: Place,
  incarnation: string,
  options: { readonly startTime?: number; readonly lifeMs?: number } = {},
): RedisWorker {
  const { startTime = 1, lifeMs = LIFE_MS } = options;
  let now = startTime * 1000;
  const writer = openRedisWriter({
    connection,
    keyPrefix,
    pid: 7,
    host: "host",
    incarnation,
    ttlMs: 3600_000,
    flushIntervalMs: 3600_000,
    dataLifeMs: lifeMs,
    now: () => now++,
  });
  const cells = new Map<string, Cell>();
  return {
    writer,
    cells,
    put(type, i, value, time = 0) {
      const [kind, mode] = type;
      for (const key of keysOf(type, i)) {
        const name = `${kind} ${mode} ${key}`;
        let cell = cells.get(name);
        if (cell === undefined) cells.set(name, cell = writer.allocate(kind, mode, key));
        const before = kind === "gauge" ? 0 : cell.values[cell.index] as number;
        cell.values[cell.index] = before + value;
        if (kind === "gauge") cell.values[cell.timestampIndex] = time;
      }
    },
    flush: () => writer.flush(),
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

/** Makes a retirer with the usual lives. */
export function retirerOf(place: Place, options: Partial<RedisRetirerOptions> = {}): RedisRetirer {
  return createRedisRetirer({ ...place, dataLifeMs: LIFE_MS, ttlMs: 300_000, ...options });
}

/** What a page shows: the values by series, unguarded. @throws {Error} when something cannot be read */
export async function redisPage(place: Place): Promise<Record<string, number>> {
  await using reader = openRedisReader(place);
  return await readPage(reader);
}

/** The family of a type and writer, as text; by default the accumulator's. */
export function familyOf(type: Type, writer = RETIRED_WRITER): string {
  const [kind, mode] = type;
  const { metric = "" } = decodeSampleKey(keysOf(type, 0)[0] ?? "") ?? {};
  return formatFamily({ kind, mode, writer, hash: familyHash(metric) });
}

/** Sends one command. */
export async function ask(
  connection: RedisConnection,
  ...command: RedisCommand
): Promise<unknown> {
  return expectReplies(await connection.send([command]))[0];
}

/** All keys of a prefix, with the time each has left in milliseconds, -1 = for ever. */
export async function keysLeft({ connection, keyPrefix }: Place): Promise<Map<string, number>> {
  const keys = (await ask(connection, "KEYS", `${keyPrefix}:*`) as string[]).sort();
  const left = expectReplies(await connection.send(keys.map((key) => ["PTTL", key])));
  return new Map(keys.map((key, i) => [key, left[i] as number]));
}

/** Around each call of a connection: its number, the name of the script, and the call itself. */
export type Around = (
  step: number,
  name: string,
  call: () => Promise<unknown>,
) => Promise<unknown>;

/** A connection whose calls a test sees, delays or breaks. It does not close the one inside. */
export function intercepted(connection: RedisConnection, around: Around): RedisConnection {
  let steps = 0;
  return {
    get connectedSince() {
      return connection.connectedSince;
    },
    get problem() {
      return connection.problem;
    },
    send: (commands) =>
      around(++steps, "send", () => connection.send(commands)) as Promise<unknown[]>,
    run: (script, keys, args) =>
      around(++steps, script.name, () => connection.run(script, keys, args)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A connection that is gone from a step on, `before` or `after` the server has done that step. */
export function breaking(
  connection: RedisConnection,
  lastStep: number,
  when: "before" | "after",
): RedisConnection {
  let isBroken = false;
  const broken = intercepted(connection, async (step, _name, call) => {
    if (step === lastStep && when === "after") await call();
    isBroken ||= step >= lastStep;
    if (isBroken) throw new StorageError("Cannot reach Redis: cut off", "redis");
    return await call();
  });
  return {
    get connectedSince() {
      return isBroken ? undefined : connection.connectedSince;
    },
    get problem() {
      return isBroken ? "cut off" : undefined;
    },
    send: broken.send,
    run: broken.run,
    [Symbol.asyncDispose]: broken[Symbol.asyncDispose],
  };
}
