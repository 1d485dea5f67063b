import { assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { createAggregator } from "../../../src/core/aggregate.ts";
import { markAbsent } from "../../../src/core/absent.ts";
import { FILE_OPERATIONS } from "../../../src/storage/filesystem/file_operations.ts";
import {
  type FileOperations,
  type FilePrimitives,
  openFilesystemReader,
  retireWriters,
} from "../../../src/storage/filesystem/mod.ts";
import { createRandom, randomDoubles } from "../../support/random.ts";
import {
  ACCUMULATORS,
  COUNTER,
  DROPPED,
  FOLDED,
  keysOf,
  liveAndDie,
  namesIn,
  openWorker,
  pageOf,
  readPage,
} from "../../support/retiring.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";
import { key, PRIMITIVES } from "./_support.ts";

const primitives = PRIMITIVES.mapped;

/** Calls `then` after every step. */
function operationsWith(then: () => void | Promise<void>): FileOperations {
  return {
    async create(path, bytes) {
      await FILE_OPERATIONS.create(path, bytes);
      await then();
    },
    note: FILE_OPERATIONS.note,
    rename: FILE_OPERATIONS.rename,
    link: FILE_OPERATIONS.link,
    unlink: FILE_OPERATIONS.unlink,
  };
}

Deno.test("retireWriters() leaves one file a type of any number of writers, and the page as it was", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  for (let id = 1; id <= 5; id++) {
    await liveAndDie(directory, String(id), randomDoubles(20, id));
  }
  await using alive = openWorker(directory, "77");
  alive.put(COUNTER, 0, 0.1);
  const before = await pageOf(directory);
  assertEquals(await retireWriters({ directory, primitives }), {
    folded: 5,
    files: 5 * (FOLDED.length + DROPPED.length),
    problems: [],
  });
  assertEquals(
    namesIn(directory),
    [...ACCUMULATORS, "counter_77.db", "retire.lock", "writer_77.lock"].sort(),
  );
  assertEquals(await pageOf(directory), before);
  assertEquals(await retireWriters({ directory, primitives }), {
    folded: 0,
    files: 0,
    problems: [],
  });
});

for (let seed = 1; seed <= 4; seed++) {
  Deno.test(`retireWriters() gives the bits of unfolded totals in whatever order writers die, seed ${seed}`, async () => {
    await using folded = await tempDir();
    await using unfolded = await tempDir();
    await using reader = openFilesystemReader({ directory: folded.path, primitives });
    const aggregator = createAggregator({ guard: false });
    const guarded = createAggregator();
    const random = createRandom(seed);
    const values = randomDoubles(3000, seed);
    values.splice(500, 3, NaN, Infinity, 5e-324);
    const living: ReturnType<typeof openWorker>[][] = [];
    let next = 0;
    let time = 1;
    for (let step = 0; step < 60; step++) {
      const choice = random();
      if (choice < 0.4 || living.length === 0) {
        const startTime = ++time;
        living.push(
          [folded, unfolded].map(({ path }) =>
            openWorker(path, String(1000 + step), { startTime })
          ),
        );
      } else if (choice < 0.8) {
        const pair = living[Math.floor(random() * living.length)]!;
        for (const type of [...FOLDED, ...DROPPED]) {
          const series = Math.floor(random() * 4);
          // Counters that fall are for the guard to hold, so here they only rise.
          const value = type[0] === "gauge"
            ? values[next++]!
            : Math.abs(randomDoubles(1, next++)[0]!);
          time++;
          for (const worker of pair) worker.put(type, series, value, time);
        }
      } else {
        const [pair] = living.splice(Math.floor(random() * living.length), 1);
        for (const worker of pair!) await worker[Symbol.asyncDispose]();
        if (random() < 0.7) await retireWriters({ directory: folded.path, primitives });
      }
      const page = await readPage(reader, aggregator);
      assertEquals(page, await pageOf(unfolded.path), `step ${step}`);
      const { corrections } = guarded.aggregate(await reader.read());
      assertStrictEquals(corrections, 0);
    }
    for (const pair of living) for (const worker of pair) await worker[Symbol.asyncDispose]();
    await retireWriters({ directory: folded.path, primitives });
    assertEquals(await pageOf(folded.path), await pageOf(unfolded.path));
    assertEquals(namesIn(folded.path), [...ACCUMULATORS, "retire.lock"].sort());
  });
}

Deno.test("retireWriters() shows every page the same at each of its steps", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await using reader = openFilesystemReader({ directory, primitives });
  for (let round = 1; round <= 2; round++) {
    for (let id = 1; id <= 3; id++) {
      await liveAndDie(directory, String(id), randomDoubles(9, id * round));
    }
    const before = await pageOf(directory);
    let steps = 0;
    const pages: Promise<Record<string, number>>[] = [];
    // A read is synchronous unless it is disturbed: it has seen the state of this very step.
    const look = (): void => {
      steps++;
      pages.push(pageOf(directory));
    };
    const operations: FileOperations = {
      async create(path, bytes) {
        await FILE_OPERATIONS.create(path, bytes);
        look();
        assertEquals(await readPage(reader), before);
      },
      note: FILE_OPERATIONS.note,
      rename(from, to) {
        FILE_OPERATIONS.rename(from, to);
        look();
      },
      link: FILE_OPERATIONS.link,
      unlink(path) {
        FILE_OPERATIONS.unlink(path);
        look();
      },
    };
    await retireWriters({ directory, primitives, operations });
    for (const page of await Promise.all(pages)) assertEquals(page, before);
    assertStrictEquals(steps, 7 * 2 + 3 * (FOLDED.length + DROPPED.length) + 3);
  }
});

Deno.test("retireWriters() leaves alone a writer that takes the id of one being folded", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [0.1, 0.2]);
  const workers: ReturnType<typeof openWorker>[] = [];
  let expected = (await pageOf(directory))['counter_total{item="0"}']!;
  const takeOver = (): void => {
    const worker = openWorker(directory, "1");
    worker.put(COUNTER, 0, 2 ** -20);
    expected += 2 ** -20;
    workers.push(worker);
  };
  const operations: FileOperations = {
    ...operationsWith(takeOver),
    unlink(path) {
      FILE_OPERATIONS.unlink(path);
      takeOver();
    },
  };
  await retireWriters({ directory, primitives, operations });
  const ids = workers.map(({ writer }) => writer.writer);
  assertStrictEquals(new Set(ids).size, ids.length);
  // Its own id is free again after the last step, and not before.
  assertStrictEquals(ids.indexOf("1"), ids.length - 1);
  assertEquals((await pageOf(directory))['counter_total{item="0"}'], expected);
  for (const worker of workers) await worker[Symbol.asyncDispose]();
  await retireWriters({ directory, primitives });
  assertEquals((await pageOf(directory))['counter_total{item="0"}'], expected);
  assertEquals(namesIn(directory), [...ACCUMULATORS, "retire.lock"].sort());
});

Deno.test("retireWriters() leaves nothing of a writer that made a file just before it died", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const worker = openWorker(directory, "1");
  worker.put(COUNTER, 0, 1);
  let death: PromiseLike<void> | undefined;
  const dying: FilePrimitives = {
    ...primitives,
    locks: {
      lock: (path) => primitives.locks!.lock(path),
      isLocked(path) {
        if (!path.endsWith("writer_1.lock")) return primitives.locks!.isLocked(path);
        worker.put(["histogram"], 0, 1);
        death = worker[Symbol.asyncDispose]();
        return false;
      },
    },
  };
  await retireWriters({ directory, primitives: dying });
  await death;
  assertEquals(namesIn(directory), ["counter_retired.db", "histogram_retired.db", "retire.lock"]);
});

Deno.test("retireWriters() folds no series that was removed, and none that was never set", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  {
    await using worker = openWorker(directory, "1");
    for (const mode of ["min", "max", "mostrecent"] as const) {
      const cell = worker.writer.allocate("gauge", mode, keysOf(["gauge", mode], 1)[0]!);
      if (mode === "mostrecent") cell.values[cell.index] = 5;
      else markAbsent(cell, mode);
      worker.put(["gauge", mode], 2, NaN, 7);
    }
  }
  const before = await pageOf(directory);
  assertEquals(before, {
    'gauge_max{item="2"}': NaN,
    'gauge_min{item="2"}': NaN,
    'gauge_mostrecent{item="2"}': NaN,
  });
  await retireWriters({ directory, primitives });
  assertEquals(await pageOf(directory), before);
  await using worker = openWorker(directory, "1");
  for (const type of FOLDED) worker.put(type, 2, -1, 8);
  const after = await pageOf(directory);
  assertEquals(after['gauge_max{item="2"}'], -1);
  assertEquals(after['gauge_mostrecent{item="2"}'], -1);
});

Deno.test("retireWriters() folds values whose help text differs into one entry", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  for (let id = 1; id <= 3; id++) {
    await using worker = openWorker(directory, String(id));
    const help = `Help "${id}" \\`;
    const text = key(0).replace("Things counted.", JSON.stringify(help).slice(1, -1));
    const cell = worker.writer.allocate("counter", undefined, text);
    cell.values[cell.index] = id;
  }
  await retireWriters({ directory, primitives });
  await using reader = openFilesystemReader({ directory, primitives });
  const [source] = (await reader.read()).sources;
  assertEquals(source?.keys, [key(0).replace("Things counted.", 'Help \\"1\\" \\\\')]);
  assertEquals(await pageOf(directory), { 'items_total{item="0"}': 6 });
});

Deno.test("read() opens an accumulator only when it is new", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [1, 2, 3]);
  await retireWriters({ directory, primitives });
  await using reader = openFilesystemReader({ directory, primitives });
  const first = await reader.read();
  const stats = { ...reader.stats };
  assertStrictEquals(stats.filesOpened, FOLDED.length);
  const second = await reader.read();
  second.sources.forEach((source, i) => assertStrictEquals(source, first.sources[i]));
  assertEquals({ ...reader.stats }, stats);
  await liveAndDie(directory, "2", [1, 2, 3]);
  await retireWriters({ directory, primitives });
  const third = await reader.read();
  third.sources.forEach((source, i) =>
    assertNotEquals(source.revision, first.sources[i]?.revision)
  );
});

Deno.test("retireWriters() leaves it to another process that is doing so, where it need not wait", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [1, 2, 3]);
  const lock = primitives.locks!;
  Deno.writeTextFileSync(`${directory}/retire.lock`, "");
  const held = lock.lock(`${directory}/retire.lock`)!;
  const before = namesIn(directory);
  assertEquals(await retireWriters({ directory, primitives, waits: false }), {
    folded: 0,
    files: 0,
    problems: [],
  });
  assertEquals(namesIn(directory), before);
  held.release();
  const page = await pageOf(directory);
  // What a test beside this one is just starting has our lock for a moment.
  await waitFor(async () =>
    (await retireWriters({ directory, primitives, waits: false })).folded === 1
  );
  assertEquals(namesIn(directory), [...ACCUMULATORS, "retire.lock"].sort());
  for (const [key, value] of Object.entries(await pageOf(directory))) {
    assertStrictEquals(value, page[key], key);
  }
});
