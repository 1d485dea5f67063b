/** What the tests of the Redis reader share: connections, and data written by hand. */
import { encodeSampleKey } from "../../../src/core/sample_key.ts";
import { createAggregator } from "../../../src/core/aggregate.ts";
import { renderText } from "../../../src/core/exposition_text.ts";
import type { GaugeMode } from "../../../src/core/modes.ts";
import type { MetricKind, SampleSource, Snapshot } from "../../../src/core/storage.ts";
import { awaitConnection, connectRedis } from "../../../src/storage/redis/connect.ts";
import type { RedisCommand, RedisConnection } from "../../../src/storage/redis/connection.ts";
import type { RedisOptions } from "../../../src/storage/redis/options.ts";
import {
  familyHash,
  formatFamily,
  redisKeys,
  RETIRED_WRITER,
} from "../../../src/storage/redis/keys.ts";

/** The prefix in these tests. */
export const PREFIX = "gunicorn";
/** Its keys. */
export const KEYS = redisKeys(PREFIX);

/** A connection that counts round trips; `before` runs before each of them. */
export interface CountedConnection extends RedisConnection {
  roundTrips: number;
  before: () => Promise<unknown>;
}

/** Connects to a server of `startRedis`. */
export async function connect(
  port: number,
  options: RedisOptions = {},
): Promise<CountedConnection> {
  const connection = connectRedis({ host: "127.0.0.1", port, ...options });
  await awaitConnection(connection);
  return counted(connection);
}

/** Counts what goes through a connection. */
export function counted(connection: RedisConnection): CountedConnection {
  return {
    roundTrips: 0,
    before: () => Promise.resolve(),
    get connectedSince() {
      return connection.connectedSince;
    },
    get problem() {
      return connection.problem;
    },
    async send(commands) {
      await this.before();
      this.roundTrips++;
      return await connection.send(commands);
    },
    async run(script, keys, args) {
      await this.before();
      // The server may have to be told the program.
      this.roundTrips += 2;
      return await connection.run(script, keys, args);
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

/** A family to write. */
export interface HandFamily {
  readonly writer?: string;
  readonly kind?: MetricKind;
  readonly mode?: GaugeMode;
  /** The metric's name. */
  readonly name?: string;
  /** Fields and value texts. */
  readonly fields: Readonly<Record<string, string>>;
  /** What is said about it. */
  readonly meta?: Readonly<Record<string, string>>;
}

/** A writer's id as the driver makes them. */
export const WRITER = "101@host~abc";

/** The commands that write a family as a writer would, and register it. */
export function familyCommands(family: HandFamily): RedisCommand[] {
  const { writer = WRITER, kind = "counter", mode, name = "x", fields, meta = {} } = family;
  const text = formatFamily({ writer, kind, mode, hash: familyHash(name) });
  const values = Object.entries(fields).flat();
  return [
    ...(values.length === 0 ? [] : [["HSET", KEYS.data(text), ...values] as const]),
    ["HSET", KEYS.meta(text), ...Object.entries({ version: "1", ...meta }).flat()],
    ["SADD", KEYS.families, text],
    ["INCR", KEYS.generation],
    ["SET", KEYS.epoch, "first", "NX"],
    ...(writer === RETIRED_WRITER ? [] : [
      ["HSETNX", KEYS.writers, writer, "1000"] as const,
      ["SET", KEYS.alive(writer), "1"] as const,
      ["INCR", KEYS.sequence(writer)] as const,
    ]),
  ];
}

/** Writes families. */
export async function write(connection: RedisConnection, ...families: HandFamily[]): Promise<void> {
  const replies = await connection.send(families.flatMap(familyCommands));
  for (const reply of replies) if (reply instanceof Error) throw reply;
}

/** The key of a sample that has its metric's name. */
export function sampleKey(name: string, labels: Readonly<Record<string, string>> = {}): string {
  return encodeSampleKey(name, name, labels, "Help");
}

/** The source of this name. */
export function sourceNamed({ sources }: Snapshot, name: string): SampleSource {
  const source = sources.find((source) => source.name === name);
  if (source === undefined) throw new Error(`No source ${name}: ${sources.map((s) => s.name)}`);
  return source;
}

/** What a source holds, by key. */
export function entriesOf({ keys, slots, values }: SampleSource): Record<string, number> {
  return Object.fromEntries(keys.map((key, i) => [key, values[slots[i] as number] as number]));
}

/** The lines of a page, without comments, sorted. The guard of totals is off. */
export function linesOf(snapshot: Snapshot): string[] {
  const { families } = createAggregator({ guard: false }).aggregate(snapshot);
  return renderText(families).split("\n").filter((line) => line !== "" && line[0] !== "#").sort();
}

/** What is printed for a series. The guard of totals is off. */
export function valueOf(snapshot: Snapshot, prefix: string): number | undefined {
  const { families } = createAggregator({ guard: false }).aggregate(snapshot);
  return families.flatMap(({ series }) => series).find((s) => s.prefix === prefix)?.value;
}

/** How often the server ran each command since it was started. */
export async function commandCounts(connection: RedisConnection): Promise<Map<string, number>> {
  const [info] = await connection.send([["INFO", "commandstats"]]);
  const lines = String(info).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map([...lines].map(([, name, calls]) => [name as string, Number(calls)]));
}
