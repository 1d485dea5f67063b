import { assert, assertEquals, assertGreater, assertStrictEquals } from "@std/assert";
import { createAggregator } from "../../../src/core/aggregate.ts";
import { ExactSum } from "../../../src/core/exact_sum.ts";
import type { Cell, StorageReader } from "../../../src/core/storage.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { createRedisRetirer } from "../../../src/storage/redis/retire.ts";
import { openRedisWriter, type RedisWriter } from "../../../src/storage/redis/writer.ts";
import { externalTest } from "../../support/externals.ts";
import { randomDoubles } from "../../support/random.ts";
import { startRedis } from "../../support/redis_server.ts";
import { sampleKey } from "./_support.ts";
import { restoreSnapshot, takeSnapshot } from "./totals.ts";
import { lossyConnection, PREFIX } from "./writer_scene.ts";

/** More than the fields of one script, so that a reader sees a writer that is half written. */
const SERIES = 1500;
const LIFE_MS = 3_600_000;

/** A writer, and what it has counted. */
interface Counting {
  readonly writer: RedisWriter;
  readonly cells: readonly Cell[];
}

function keyOf(i: number): string {
  return sampleKey(`metric_${i % 3}`, { i: `${i}` });
}

function add(cell: Cell, amount: number): void {
  (cell.values[cell.index] as number) += amount;
}

/** Reads pages without the guard of totals, and sees to it that none is lower than the one before. */
function watch(reader: StorageReader): () => Promise<Map<string, number>> {
  const aggregator = createAggregator({ guard: false });
  let before = new Map<string, number>();
  return async () => {
    const snapshot = await reader.read();
    assertEquals(snapshot.problems, []);
    const { families } = aggregator.aggregate(snapshot);
    const series = families.flatMap(({ series }) => series);
    const page = new Map(series.map(({ prefix, value }) => [prefix, value]));
    for (const [prefix, value] of before) {
      const now = page.get(prefix);
      assert(now !== undefined && now >= value, `${prefix} fell from ${value} to ${now}`);
    }
    return before = page;
  };
}

/** What all writers have counted. */
function totals(writers: readonly Counting[]): Map<string, number> {
  return new Map(Array.from({ length: SERIES }, (_, i) => {
    const sum = new ExactSum();
    for (const { cells } of writers) {
      const { values, index } = cells[i] as Cell;
      sum.add(values[index] as number);
    }
    return [`metric_${i % 3}{i="${i}"} `, sum.rounded()];
  }));
}

/** Maps are compared pair by pair by `assertEquals`: for thousands of entries that takes seconds. */
function assertSame(
  page: ReadonlyMap<string, number>,
  expected: ReadonlyMap<string, number>,
): void {
  assertEquals(page.size, expected.size);
  for (const [prefix, value] of expected) assertStrictEquals(page.get(prefix), value, prefix);
}

externalTest(
  "read() gives totals of live writers that never fall while data is lost or comes back older",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await lossyConnection(server.port);
    const writers = Array.from({ length: 2 }, (_, i): Counting => {
      const writer = openRedisWriter({
        connection,
        keyPrefix: PREFIX,
        pid: i,
        host: "host",
        ttlMs: LIFE_MS,
        flushIntervalMs: 2 ** 30,
      });
      const cells = Array.from(
        { length: SERIES },
        (_, i) => writer.allocate("counter", undefined, keyOf(i)),
      );
      return { writer, cells };
    });
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
    const page = watch(reader);
    const amounts = randomDoubles(1000, 3).map(Math.abs);
    let reads = 0;
    for (let step = 0; step < 24; step++) {
      for (const { cells } of writers) {
        for (const [i, cell] of cells.entries()) {
          if (i % 5 === step % 5) add(cell, amounts[(i + step) % amounts.length] as number);
        }
      }
      if (step % 8 === 1) await takeSnapshot(connection, 1);
      if (step % 8 === 4) await restoreSnapshot(connection, 1);
      if (step % 8 === 6) await connection.ask("FLUSHDB");
      const flushed = new AbortController();
      const flushes = Promise.all(writers.map(({ writer }) => writer.flush()))
        .finally(() => flushed.abort());
      do {
        await page();
        reads++;
      } while (!flushed.signal.aborted);
      await flushes;
    }
    for (const { writer } of writers) await writer.flush();
    assertGreater(reads, 24);
    const last = await page();
    assertSame(last, totals(writers));
    for (const { writer } of writers) await writer[Symbol.asyncDispose]();
  },
);

externalTest(
  "read() gives the same totals, bit for bit, while writers are retired",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await lossyConnection(server.port);
    const amounts = randomDoubles(4 * SERIES, 5).map(Math.abs);
    const writers: Counting[] = [];
    for (let pid = 0; pid < 4; pid++) {
      const writer = openRedisWriter({
        connection,
        keyPrefix: PREFIX,
        pid,
        host: "host",
        ttlMs: LIFE_MS,
      });
      const cells = Array.from({ length: SERIES }, (_, i) => {
        const cell = writer.allocate("counter", undefined, keyOf(i));
        add(cell, amounts.pop() as number);
        return cell;
      });
      writers.push({ writer, cells });
      await writer[Symbol.asyncDispose]();
    }
    const expected = totals(writers);
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
    await using other = await lossyConnection(server.port);
    await using retirer = createRedisRetirer({
      connection: other,
      keyPrefix: PREFIX,
      ttlMs: LIFE_MS,
      dataLifeMs: LIFE_MS,
    });
    const page = watch(reader);
    const done = new AbortController();
    const retired = retirer.retire({ patient: false }).finally(() => done.abort());
    const trips: number[] = [];
    do {
      assertSame(await page(), expected);
      trips.push(reader.stats.roundTrips);
    } while (!done.signal.aborted);
    assertEquals((await retired).folded, 4);
    assertSame(await page(), expected);
    assertEquals((await reader.read()).sources.map(({ accumulator }) => accumulator), [true]);
    // Three tries, and a script.
    assert(trips.every((count) => count <= 4), `${trips}`);
  },
);
