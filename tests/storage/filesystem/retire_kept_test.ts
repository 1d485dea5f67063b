import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { createAggregator } from "../../../src/core/aggregate.ts";
import { SILENT_LOG } from "../../../src/core/log.ts";
import { FILE_OPERATIONS } from "../../../src/storage/filesystem/file_operations.ts";
import { openFilesystemReader, retireWriters } from "../../../src/storage/filesystem/mod.ts";
import { removeAll } from "../../../src/storage/filesystem/remove_all.ts";
import {
  ACCUMULATORS,
  COUNTER,
  liveAndDie,
  namesIn,
  openWorker,
  pageOf,
  readPage,
  type Type,
} from "../../support/retiring.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fileBytes, key, PRIMITIVES } from "./_support.ts";

const primitives = PRIMITIVES.mapped;

Deno.test("retireWriters() keeps gauges of mode all for an hour, and of 100 writers at most", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const mode: Type = ["gauge", "all"];
  const die = async (id: number): Promise<void> => {
    await using worker = openWorker(directory, String(id));
    worker.put(mode, 0, id);
    worker.put(COUNTER, 0, 1);
  };
  await die(1);
  const retire = (minutes: number, writers = 100) =>
    retireWriters({
      directory,
      primitives,
      now: () => (1e6 + minutes * 60) * 1000,
      retention: { seconds: 3600, writers },
    });
  assertEquals((await retire(0)).files, 1);
  assertEquals(namesIn(directory), [
    "counter_retired.db",
    "gauge_all_1.db",
    "retire.lock",
    "writer_1.lock",
  ]);
  await die(2);
  await die(3);
  await retire(30);
  assertEquals(await pageOf(directory), {
    'counter_total{item="0"}': 3,
    'gauge_all{item="0",pid="1"}': 1,
    'gauge_all{item="0",pid="2"}': 2,
    'gauge_all{item="0",pid="3"}': 3,
  });
  await retire(59);
  assert(namesIn(directory).includes("gauge_all_1.db"));
  await retire(60);
  assertEquals(namesIn(directory).filter((name) => /_\d/.test(name)), [
    "gauge_all_2.db",
    "gauge_all_3.db",
    "writer_2.lock",
    "writer_3.lock",
  ]);
  await retire(61, 1);
  assertStrictEquals(namesIn(directory).filter((name) => name.startsWith("writer_")).length, 1);
  await retire(90);
  assertEquals(namesIn(directory), ["counter_retired.db", "retire.lock"]);
});

Deno.test("retireWriters() never overwrites an accumulator that is damaged, and folds the rest", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [1, 2, 3]);
  await retireWriters({ directory, primitives });
  const path = `${directory}/counter_retired.db`;
  const good = await Deno.readFile(path);
  await liveAndDie(directory, "2", [1, 2, 3]);
  const before = await pageOf(directory);
  for (const at of [0, 9, good.length - 30, good.length - 1]) {
    const bad = good.slice();
    bad[at]! ^= 1;
    await Deno.writeFile(path, bad);
    const { problems } = await retireWriters({ directory, primitives });
    assertEquals(problems, [
      { source: "counter_retired.db", message: "Cannot read accumulator: its checksum is wrong" },
    ]);
    assertEquals(await Deno.readFile(path), bad);
    await using reader = openFilesystemReader({ directory, primitives });
    const snapshot = await reader.read();
    assertEquals(snapshot.problems, problems);
    assertEquals(
      snapshot.sources.map(({ name }) => name),
      [...ACCUMULATORS.slice(1), "counter_2.db"].sort(),
    );
  }
  assertEquals(
    namesIn(directory),
    [...ACCUMULATORS, "counter_2.db", "retire.lock", "writer_2.lock"].sort(),
  );
  await Deno.writeFile(path, good);
  await retireWriters({ directory, primitives });
  assertEquals(await pageOf(directory), before);
});

Deno.test("retireWriters() keeps a file that it cannot read whole, and the writer file with it", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [1]);
  const file = await Deno.open(`${directory}/counter_1.db`, { write: true });
  await file.write(new Uint8Array(new Int32Array([0x1000000]).buffer));
  file.close();
  const { problems } = await retireWriters({ directory, primitives });
  assertEquals(problems.map(({ source }) => source), ["counter_1.db"]);
  assertMatch(problems[0]!.message, /^Cannot fold metric file: it ends after 65536 of the/);
  assertEquals(
    namesIn(directory),
    [...ACCUMULATORS.slice(1), "counter_1.db", "retire.lock", "writer_1.lock"].sort(),
  );
});

Deno.test("retireWriters() folds nothing of writers that live or might live, and no foreign file", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await Deno.writeFile(`${directory}/counter_9.db`, fileBytes([{ key: key(1), value: 1 }]));
  await Deno.writeFile(
    `${directory}/counter_8.db`,
    fileBytes([{ key: key(1), value: 1 }], { incarnation: 8 }),
  );
  await using alive = openWorker(directory, "1");
  alive.put(COUNTER, 0, 1);
  const before = namesIn(directory);
  assertEquals(await retireWriters({ directory, primitives }), {
    folded: 0,
    files: 0,
    problems: [],
  });
  assertEquals(namesIn(directory), [...before, "retire.lock"].sort());
});

Deno.test("retireWriters() removes the temporary files of processes that were killed", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const stale = ["counter_1.db.0123abcd.tmp", "writer_1.lock.0123abcd.tmp"];
  for (const name of [...stale, "counter_2.db.0123abcd.tmp", "counter_retired.db.0123abcd.tmp"]) {
    await Deno.writeTextFile(`${directory}/${name}`, "");
  }
  for (const name of stale) await Deno.utime(`${directory}/${name}`, 1000, 1000);
  await retireWriters({ directory, primitives });
  assertEquals(namesIn(directory), ["counter_2.db.0123abcd.tmp", "retire.lock"]);
});

Deno.test("read() shows the totals of another run when the directory was emptied and folded since", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const run = async (startTime: number, value: number): Promise<void> => {
    {
      await using worker = openWorker(directory, "1", { startTime });
      worker.put(COUNTER, 0, value);
    }
    await retireWriters({ directory, primitives });
  };
  await using reader = openFilesystemReader({ directory, primitives });
  const aggregator = createAggregator();
  await run(1, 1000);
  assertEquals(await readPage(reader, aggregator), { 'counter_total{item="0"}': 1000 });
  await removeAll({ directory, primitives, log: SILENT_LOG });
  await run(2, 5);
  assertEquals(await readPage(reader, aggregator), { 'counter_total{item="0"}': 5 });
});

Deno.test("retireWriters() folds though the time of a death cannot be noted", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  {
    await using worker = openWorker(directory, "1");
    worker.put(COUNTER, 0, 1);
    worker.put(["gauge", "all"], 0, 1);
  }
  const operations = {
    ...FILE_OPERATIONS,
    note(): void {
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    },
  };
  const { files } = await retireWriters({ directory, primitives, operations });
  assertEquals(files, 1);
  assertEquals(await pageOf(directory), {
    'counter_total{item="0"}': 1,
    'gauge_all{item="0",pid="1"}': 1,
  });
});
