/** What every storage driver has to do: one suite, run against each of them. */
import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { isAbsent, markAbsent } from "../../src/core/absent.ts";
import { createAggregator } from "../../src/core/aggregate.ts";
import { ExactSum } from "../../src/core/exact_sum.ts";
import { GAUGE_MODES, type GaugeMode } from "../../src/core/modes.ts";
import { decodeSampleKey, encodeSampleKey } from "../../src/core/sample_key.ts";
import type {
  Cell,
  Liveness,
  MetricKind,
  SampleSource,
  Snapshot,
  StorageReader,
  StorageWriter,
} from "../../src/core/storage.ts";
import { randomDoubles } from "../support/random.ts";
import { waitFor } from "../support/wait_for.ts";

/** An empty storage of the driver under test. */
export interface DriverHarness extends AsyncDisposable {
  /** Opens a writer of this id; where the driver makes ids, of one that is not used again. */
  openWriter(writer: string): StorageWriter | Promise<StorageWriter>;
  /** Whether the driver makes ids itself. @default {false} */
  readonly makesIds?: boolean;
  /** Whether keys may be read in another order than they were made in. @default {false} */
  readonly unordered?: boolean;
  /** Opens a reader of the whole storage. */
  openReader(): StorageReader | Promise<StorageReader>;
  /** Ends a writer as SIGKILL would end its process: nothing more is flushed, closed or removed. */
  kill(writer: StorageWriter): void | Promise<void>;
}

const KINDS: readonly (readonly [MetricKind, GaugeMode | undefined])[] = [
  ["counter", undefined],
  ["histogram", undefined],
  ["summary", undefined],
  ...GAUGE_MODES.filter((mode) => mode !== "omit").map((mode) => ["gauge", mode] as const),
];

const ODD_TEXTS = ["", " ", '"', "\\", "\n\r\t", "\u0000", "é✓", "😀", "\ud800", "|,=}", "%2F../"];

/** Takes a test, as `Deno.test` does. */
export type RegisterTest = (title: string, run: () => Promise<void>) => void;

/**
 * Registers the suite's tests.
 *
 * @param name The driver, for the titles.
 * @param open Makes an empty storage; called once for each test.
 * @param register For other runtimes than Deno.
 */
export function runDriverSuite(
  name: string,
  open: () => DriverHarness | Promise<DriverHarness>,
  register: RegisterTest = (title, run) => Deno.test(title, run),
): void {
  const test = (title: string, run: (harness: DriverHarness) => Promise<void>): void => {
    register(`${name} driver: ${title}`, async () => {
      await using harness = await open();
      await run(harness);
    });
  };

  test("allocate() gives a slot that holds 0", async (harness) => {
    await using writer = await harness.openWriter("101");
    for (const [kind, mode] of usable(writer)) {
      const cell = writer.allocate(kind, mode, keyOf("zero"));
      assertStrictEquals(cell.values[cell.index], 0);
      assertEquals(cell.timestampIndex >= 0, writer.storesTimestamps);
      if (cell.timestampIndex >= 0) assertStrictEquals(cell.values[cell.timestampIndex], 0);
    }
    if (harness.makesIds) assertNotEquals(writer.writer, "");
    else assertEquals(writer.writer, "101");
    assertEquals(writer.unstored, 0);
  });

  test("read() sees every kind and mode with the values written", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    for (const [i, [kind, mode]] of usable(writer).entries()) {
      const cell = writer.allocate(kind, mode, keyOf(`m${i}`));
      cell.values[cell.index] = i + 0.1;
    }
    const snapshot = await readFlushed(reader, writer);
    for (const [i, [kind, mode]] of usable(writer).entries()) {
      const source = sourceOf(snapshot, writer.writer, kind, mode);
      assertEquals(entriesOf(source), new Map([[keyOf(`m${i}`), i + 0.1]]));
      assertEquals(source.accumulator, false);
      assertEquals(source.liveness, "live");
    }
    assertEquals(snapshot.problems, []);
    assertEquals(snapshot.sources.length, usable(writer).length);
    const names = snapshot.sources.map((source) => source.name);
    assertEquals(names, [...names].sort());
  });

  test("read() brings doubles back bit for bit", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    const values = [-0, NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, 2 ** 53 + 2];
    values.push(...randomDoubles(500, 1));
    for (const [i, value] of values.entries()) {
      const cell = writer.allocate("counter", undefined, keyOf(`m${i}`));
      cell.values[cell.index] = value;
    }
    const entries = entriesOf(
      sourceOf(await readFlushed(reader, writer), writer.writer, "counter"),
    );
    for (const [i, value] of values.entries()) {
      assertStrictEquals(entries.get(keyOf(`m${i}`)), value);
    }
  });

  test("read() sees updates and new keys in the same source", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    const first = writer.allocate("counter", undefined, keyOf("first"));
    first.values[first.index] = 1;
    const before = sourceOf(await readFlushed(reader, writer), writer.writer, "counter");
    assertEquals(before.keys.length, 1);
    first.values[first.index] = 2;
    const second = writer.allocate("counter", undefined, keyOf("second"));
    second.values[second.index] = 3;
    const { revision } = before;
    const after = sourceOf(await readFlushed(reader, writer), writer.writer, "counter");
    assertStrictEquals(after, before);
    assertEquals(after.revision, revision);
    assertEquals([...entriesOf(after)], [[keyOf("first"), 2], [keyOf("second"), 3]]);
  });

  test("slots stay where they are while 100,000 series are added", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    const cells: Cell[] = [];
    for (let i = 0; i < 100_000; i++) {
      cells.push(writer.allocate("counter", undefined, keyOf("x", { i: `${i}` })));
    }
    for (const [i, cell] of cells.entries()) cell.values[cell.index] = i;
    assertEquals(writer.unstored, 0);
    const source = sourceOf(await readFlushed(reader, writer), writer.writer, "counter");
    assertEquals(source.keys.length, cells.length);
    const entries = entriesOf(source);
    const wrong = cells.findIndex((_, i) => entries.get(keyOf("x", { i: `${i}` })) !== i);
    assertEquals(wrong, -1);
    if (!harness.unordered) assertEquals(source.keys[99_999], keyOf("x", { i: "99999" }));
  });

  test("keys may hold any character and be 100 KiB long", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    const texts = [...ODD_TEXTS, "x".repeat(100 * 1024), "ü".repeat(20_000)];
    for (const [i, text] of texts.entries()) {
      const cell = writer.allocate("counter", undefined, keyOf("x", { label: text }, text));
      cell.values[cell.index] = i;
    }
    const source = sourceOf(await readFlushed(reader, writer), writer.writer, "counter");
    assertEquals(source.keys.length, texts.length);
    const entries = [...entriesOf(source)].sort((a, b) => harness.unordered ? a[1] - b[1] : 0);
    for (const [i, text] of texts.entries()) {
      const [key, value] = entries[i] as [string, number];
      const decoded = decodeSampleKey(key);
      assertEquals(decoded, { metric: "x", sample: "x", labels: [["label", text]], help: text });
      assertEquals(value, i);
    }
  });

  test("writers of different ids keep apart", async (harness) => {
    const ids = ["123", "123-2", "1234", "23"];
    await using stack = new AsyncDisposableStack();
    const reader = stack.use(await harness.openReader());
    const writers: StorageWriter[] = [];
    for (const [i, id] of ids.entries()) {
      const writer = stack.use(await harness.openWriter(id));
      const cell = writer.allocate("counter", undefined, keyOf("x"));
      cell.values[cell.index] = 10 ** i;
      await writer.flush();
      writers.push(writer);
    }
    const snapshot = await reader.read();
    for (const [i, { writer }] of writers.entries()) {
      assertEquals([...entriesOf(sourceOf(snapshot, writer, "counter")).values()], [10 ** i]);
    }
    assertEquals(snapshot.writers.live, ids.length);
    assertEquals(totalsOf(snapshot).get("x "), 1111);
  });

  test("times are stored beside the values where the writer says so", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    if (!writer.storesTimestamps) {
      writer.allocate("gauge", "max", keyOf("g"));
      const { hasTimestamps } = sourceOf(
        await readFlushed(reader, writer),
        writer.writer,
        "gauge",
        "max",
      );
      assertEquals(hasTimestamps, false);
      return;
    }
    const cell = writer.allocate("gauge", "mostrecent", keyOf("g"));
    cell.values[cell.index] = 7;
    cell.values[cell.timestampIndex] = 1_700_000_000.25;
    const source = sourceOf(
      await readFlushed(reader, writer),
      writer.writer,
      "gauge",
      "mostrecent",
    );
    assert(source.hasTimestamps);
    const slot = source.slots[0] as number;
    assertEquals([...source.values.slice(slot, slot + 2)], [7, 1_700_000_000.25]);
  });

  test("the mark of a removed series comes back", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    const [marked, nan] = ["marked", "nan"].map((name) =>
      writer.allocate("gauge", "all", keyOf(name))
    ) as [Cell, Cell];
    markAbsent(marked, "all");
    nan.values[nan.index] = NaN;
    const { keys, slots, values } = sourceOf(
      await readFlushed(reader, writer),
      writer.writer,
      "gauge",
      "all",
    );
    const isMarked = keys.map((key, i) => [key, isAbsent(values, slots[i] as number)] as const);
    assertEquals(new Map(isMarked), new Map([[keyOf("marked"), true], [keyOf("nan"), false]]));
  });

  test("a killed writer becomes dead, its totals stay, its live gauges go", async (harness) => {
    await using survivor = await harness.openWriter("102");
    const victim = await harness.openWriter("101");
    await using reader = await harness.openReader();
    for (const writer of [victim, survivor]) {
      for (const [kind, mode] of [["counter", undefined], ["gauge", "livesum"]] as const) {
        const cell = writer.allocate(kind, mode, keyOf(kind));
        cell.values[cell.index] = 1;
      }
      await writer.flush();
    }
    const before = await reader.read();
    assertEquals(before.writers, { live: 2, dead: 0, unknown: 0 });
    assertEquals(totalsOf(before), new Map([["counter ", 2], ["gauge ", 2]]));
    await harness.kill(victim);
    const after = await readUntil(
      reader,
      (snapshot) => livenessOf(snapshot, victim.writer) === "dead",
    );
    assertEquals(livenessOf(after, survivor.writer), "live");
    assertEquals(after.writers.live, 1);
    assertEquals(totalsOf(after), new Map([["counter ", 2], ["gauge ", 1]]));
  });

  test("a closed writer's totals stay; closing twice is harmless", async (harness) => {
    const writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    const cell = writer.allocate("counter", undefined, keyOf("x"));
    cell.values[cell.index] = 0.1;
    await writer[Symbol.asyncDispose]();
    await writer[Symbol.asyncDispose]();
    const snapshot = await readUntil(reader, ({ writers }) => writers.live === 0);
    assertEquals(totalsOf(snapshot), new Map([["x ", 0.1]]));
    await reader[Symbol.asyncDispose]();
    await reader[Symbol.asyncDispose]();
  });

  test("two readers see the same and do not disturb each other", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using early = await harness.openReader();
    const cell = writer.allocate("counter", undefined, keyOf("x"));
    cell.values[cell.index] = 1;
    const first = sourceOf(await readFlushed(early, writer), writer.writer, "counter");
    cell.values[cell.index] = 2;
    await using late = await harness.openReader();
    const second = sourceOf(await readFlushed(late, writer), writer.writer, "counter");
    assertEquals([...entriesOf(second).values()], [2]);
    await early.read();
    assertEquals([...entriesOf(first).values()], [2]);
  });

  test("flush() may be called at any time, also at once twice", async (harness) => {
    await using writer = await harness.openWriter("101");
    await using reader = await harness.openReader();
    await writer.flush();
    const cell = writer.allocate("counter", undefined, keyOf("x"));
    cell.values[cell.index] = 5;
    await Promise.all([writer.flush(), writer.flush()]);
    assertEquals(totalsOf(await reader.read()), new Map([["x ", 5]]));
  });

  test("an empty storage reads as nothing", async (harness) => {
    await using reader = await harness.openReader();
    const { sources, problems, writers } = await reader.read();
    assertEquals({ sources, problems }, { sources: [], problems: [] });
    assertEquals(writers, { live: 0, dead: 0, unknown: 0 });
  });

  test("totals are the exact sum of what the writers hold, whoever is dead", async (harness) => {
    await using stack = new AsyncDisposableStack();
    const reader = stack.use(await harness.openReader());
    const exact = Array.from({ length: 50 }, () => new ExactSum());
    const values = randomDoubles(exact.length * 5, 7).map(Math.abs);
    for (const id of ["1", "2", "3", "3-2", "3-3"]) {
      const writer = await harness.openWriter(id);
      for (const [i, sum] of exact.entries()) {
        const cell = writer.allocate("counter", undefined, keyOf("x", { i: `${i}` }));
        cell.values[cell.index] = values.pop() as number;
        sum.add(cell.values[cell.index] as number);
      }
      await writer.flush();
      if (id === "2") await harness.kill(writer);
      else stack.use(writer);
    }
    const totals = totalsOf(await reader.read());
    for (const [i, sum] of exact.entries()) {
      assertStrictEquals(totals.get(`x{i="${i}"} `), sum.rounded());
    }
  });
}

function usable(writer: StorageWriter): typeof KINDS {
  if (writer.storesTimestamps) return KINDS;
  return KINDS.filter(([, mode]) => mode !== "mostrecent" && mode !== "livemostrecent");
}

function keyOf(name: string, labels: Readonly<Record<string, string>> = {}, help = "Help"): string {
  return encodeSampleKey(name, name, labels, help);
}

async function readFlushed(reader: StorageReader, writer: StorageWriter): Promise<Snapshot> {
  await writer.flush();
  return await reader.read();
}

async function readUntil(
  reader: StorageReader,
  isDone: (snapshot: Snapshot) => boolean,
): Promise<Snapshot> {
  return await waitFor(async () => {
    const snapshot = await reader.read();
    return isDone(snapshot) && snapshot;
  }, { what: "the change of a writer's liveness" });
}

function sourceOf(
  { sources }: Snapshot,
  writer: string,
  kind: MetricKind,
  mode?: GaugeMode,
): SampleSource {
  const found = sources.filter((source) =>
    source.writer === writer && source.kind === kind && source.mode === mode
  );
  assertEquals(found.length, 1);
  return found[0] as SampleSource;
}

function livenessOf({ sources }: Snapshot, writer: string): Liveness | undefined {
  return sources.find((source) => source.writer === writer)?.liveness;
}

function entriesOf({ keys, slots, values }: SampleSource): Map<string, number> {
  return new Map(keys.map((key, i) => [key, values[slots[i] as number] as number]));
}

/** What is printed, by the line up to the value. */
function totalsOf(snapshot: Snapshot): Map<string, number> {
  const { families, problems } = createAggregator().aggregate(snapshot);
  assertEquals(problems, []);
  const series = families.flatMap((family) => family.series);
  return new Map(series.map(({ prefix, value }) => [prefix, value]));
}
