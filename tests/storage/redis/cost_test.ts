/** What the server is asked to do, by its own count; those in scripts too. */
import { assert, assertEquals, assertLess } from "@std/assert";
import type { Cell } from "../../../src/core/storage.ts";
import { expectReplies, type RedisConnection } from "../../../src/storage/redis/connection.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import {
  type FlushOutcome,
  openRedisWriter,
  type RedisWriter,
} from "../../../src/storage/redis/writer.ts";
import { externalTest } from "../../support/externals.ts";
import { openConnection } from "../../support/redis_connection.ts";
import { type RedisServer, startRedis } from "../../support/redis_server.ts";
import { commandCounts, PREFIX, sampleKey } from "./_support.ts";

const FAMILIES = 10;

interface Scene extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly connection: RedisConnection;
  /** What the server did in the meantime, without INFO. */
  countCommands(work: () => Promise<unknown>): Promise<Record<string, number>>;
  openWriter(pid: number): { writer: RedisWriter; cells: Cell[]; outcomes: FlushOutcome[] };
}

/** A server, and writers of so many series that flush only when they are told to. */
async function openScene(series: number, redisArgs: readonly string[] = []): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis(redisArgs));
  const connection = stack.use(await openConnection(redis));
  const writers = stack.use(new AsyncDisposableStack());
  const moved = stack.move();
  return {
    redis,
    connection,
    async countCommands(work) {
      const before = await commandCounts(connection);
      await work();
      const counts: Record<string, number> = {};
      for (const [name, count] of await commandCounts(connection)) {
        const more = count - (before.get(name) ?? 0);
        if (more > 0 && name !== "info") counts[name] = more;
      }
      return counts;
    },
    openWriter(pid) {
      const outcomes: FlushOutcome[] = [];
      const writer = writers.use(openRedisWriter({
        connection,
        keyPrefix: PREFIX,
        pid,
        host: "host",
        ttlMs: 2 ** 31,
        flushIntervalMs: 2 ** 30,
        onFlush: (outcome) => outcomes.push(outcome),
      }));
      const cells = Array.from({ length: series }, (_, i) => {
        const key = sampleKey(`x${i % FAMILIES}_total`, { route: `/route/${i}` });
        return writer.allocate("counter", undefined, key);
      });
      return { writer, cells, outcomes };
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

function add(cells: readonly Cell[]): void {
  for (const { values, index } of cells) values[index]! += 1;
}

externalTest("flush() is one script, whatever was counted", ["redis-server"], async () => {
  await using scene = await openScene(1000);
  const { writer, cells, outcomes } = scene.openWriter(1);
  await writer.flush(); // Families are made known.

  assertEquals(
    await scene.countCommands(() => {
      for (let i = 0; i < 10_000; i++) add(cells.slice(0, 30));
      return writer.flush();
    }),
    // Tombstone, epoch and sequence are looked at; sequence and heartbeat are set.
    { evalsha: 1, get: 3, set: 2, hset: FAMILIES },
  );
  const last = outcomes.at(-1)!;
  assertEquals([last.commands, last.fields], [1, 30]);
  // So many bytes for a series, and for a family in the script.
  assertLess(last.bytes, 30 * 100 + FAMILIES * 250 + 1000);

  assertEquals(await scene.countCommands(() => writer.flush()), {});

  // A script has at most 1,000 samples: the server does nothing else meanwhile.
  cells.push(writer.allocate("counter", undefined, sampleKey("y_total")));
  add(cells);
  const { evalsha } = await scene.countCommands(() => writer.flush());
  assertEquals(evalsha, 2);
});

externalTest("read() is one round trip in the steady state", ["redis-server"], async () => {
  await using scene = await openScene(1000);
  const writing = [1, 2, 3, 4].map((pid) => scene.openWriter(pid));
  const flushAll = async (): Promise<void> => {
    for (const { writer, cells } of writing) {
      add(cells);
      await writer.flush();
    }
  };
  await flushAll();
  await using reader = openRedisReader({ connection: scene.connection, keyPrefix: PREFIX });
  await reader.read();
  assertLess(reader.stats.roundTrips, 10 + 1);

  await flushAll();
  const counts = await scene.countCommands(() => reader.read());
  assertEquals(counts, {
    // Generation and epoch twice; of each writer heartbeat, tombstone and sequence.
    get: 4 + writing.length * 3,
    hgetall: 1 + writing.length * FAMILIES,
    smembers: 1,
  });
  assertEquals(reader.stats, {
    roundTrips: 1,
    commands: Object.values(counts).reduce((sum, count) => sum + count, 0),
    fields: writing.length * 1000,
  });
});

externalTest("keys of others cost nothing", ["redis-server"], async () => {
  await using scene = await openScene(100, ["--enable-debug-command", "local"]);
  const { writer, cells } = scene.openWriter(1);
  await using reader = openRedisReader({ connection: scene.connection, keyPrefix: PREFIX });
  await writer.flush();
  await reader.read();
  const work = async (): Promise<void> => {
    add(cells);
    await writer.flush();
    await reader.read();
  };
  const alone = await scene.countCommands(work);
  expectReplies(
    await scene.connection.send([["DEBUG", "POPULATE", "20000", `${PREFIX}:counter`, "16"]]),
  );
  assertEquals(await scene.countCommands(work), alone);
  assert(!("keys" in alone) && !("scan" in alone), Object.keys(alone).join());
});
