import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { createAggregator } from "../../src/core/aggregate.ts";
import { StorageError } from "../../src/core/errors.ts";
import { createMemoryStorage, type MemoryStorage } from "../../src/core/memory_driver.ts";
import type { GaugeMode } from "../../src/core/modes.ts";
import type { Cell, MetricKind, StorageReader } from "../../src/core/storage.ts";
import { combineReaders } from "../../src/storage/combined_reader.ts";
import { keyOf, printed } from "../support/snapshots.ts";

/** A storage that can be made unreadable. */
class Part {
  readonly storage: MemoryStorage = createMemoryStorage();
  readonly reader: StorageReader = {
    read: () => {
      if (this.failure !== undefined) return Promise.reject(this.failure);
      return this.#reader.read();
    },
    [Symbol.asyncDispose]: () => {
      this.disposed = true;
      return this.#reader[Symbol.asyncDispose]();
    },
  };
  failure: Error | undefined;
  disposed = false;
  readonly #reader = this.storage.openReader();

  /** Writes one value as a writer of its own. */
  write(writer: string, kind: MetricKind, mode: GaugeMode | undefined, value: number): Cell {
    const opened = this.storage.openWriter({ writer, startTime: 1 });
    const cell = opened.allocate(kind, mode, keyOf(mode === undefined ? "x" : "g"));
    cell.values[cell.index] = value;
    return cell;
  }
}

Deno.test("combineReaders() reads several storages as one", async () => {
  const [first, second] = [new Part(), new Part()];
  await using reader = combineReaders([
    { name: "first", reader: first.reader },
    { name: "second", reader: second.reader },
  ]);
  first.write("b", "counter", undefined, 0.1);
  second.write("a", "counter", undefined, 1e15);
  second.write("c", "gauge", "livesum", 1);
  second.storage.setLiveness("c", "unknown");
  first.write("d", "gauge", "livesum", 2);
  first.storage.setLiveness("d", "dead");
  const snapshot = await reader.read();
  assertEquals(snapshot.sources.map(({ name }) => name), [
    "counter_a",
    "counter_b",
    "gauge_livesum_c",
    "gauge_livesum_d",
  ]);
  assertEquals(snapshot.sources.map((source) => snapshot.storages?.get(source)), [
    "second",
    "first",
    "second",
    "first",
  ]);
  assertEquals(snapshot.writers, { live: 2, dead: 1, unknown: 1 });
  assertEquals(snapshot.problems, []);
  assertEquals(printed(createAggregator().aggregate(snapshot)), { g: 1, x: 1e15 + 0.1 });
  const again = await reader.read();
  for (const [i, source] of snapshot.sources.entries()) {
    assertStrictEquals(again.sources[i], source);
  }
});

Deno.test("combineReaders() keeps totals while a storage cannot be read", async () => {
  const [first, second] = [new Part(), new Part()];
  let nowMs = 0;
  await using reader = combineReaders([
    { name: "first", reader: first.reader },
    { name: "second", reader: second.reader },
  ], () => nowMs);
  const aggregator = createAggregator({ guard: false });
  const guarded = createAggregator();
  const page = async (): Promise<Record<string, number>> => {
    const snapshot = await reader.read();
    assertEquals(printed(guarded.aggregate(snapshot)), printed(aggregator.aggregate(snapshot)));
    return printed(aggregator.aggregate(snapshot));
  };
  const one = first.write("a", "counter", undefined, 1);
  const two = second.write("b", "counter", undefined, 2);
  second.write("c", "gauge", "livesum", 5);
  assertEquals(await page(), { g: 5, x: 3 });

  second.failure = new StorageError("Cannot reach Redis: away", "redis");
  one.values[one.index] = 10;
  two.values[two.index] = 20;
  const { problems, writers } = await reader.read();
  assertEquals(problems, [{ source: "second", message: "Cannot reach Redis: away" }]);
  assertEquals(writers, { live: 1, dead: 0, unknown: 0 });
  nowMs = 299_999;
  // As far as is known; what lives there is not.
  assertEquals((await page()).x! >= 12, true);
  assertEquals(Object.keys(await page()), ["x"]);

  second.failure = undefined;
  assertEquals(await page(), { g: 5, x: 30 });
  second.failure = new StorageError("Cannot reach Redis: away", "redis");
  nowMs += 299_999;
  assertEquals(await page(), { x: 30 });
  nowMs += 1;
  assertEquals(await page(), { x: 10 });
  second.failure = undefined;
  assertEquals(await page(), { g: 5, x: 30 });
});

Deno.test("combineReaders() fails when no storage can be read", async () => {
  const [first, second] = [new Part(), new Part()];
  const parts = [{ name: "first", reader: first.reader }, {
    name: "second",
    reader: second.reader,
  }];
  const reader = combineReaders(parts);
  await reader.read();
  first.failure = new StorageError("no directory", "first");
  second.failure = new StorageError("no server", "second");
  await assertRejects(() => reader.read(), StorageError, "no directory; no server");
  const error = await assertRejects(() => combineReaders(parts.slice(1)).read());
  assertStrictEquals(error, second.failure);
  await reader[Symbol.asyncDispose]();
  assertEquals([first.disposed, second.disposed], [true, true]);
});

Deno.test("combineReaders() refuses two readers of one name", () => {
  const { reader } = new Part();
  assertThrows(() => combineReaders([{ name: "a", reader }, { name: "a", reader }]), TypeError);
});
