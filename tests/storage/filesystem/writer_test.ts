import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import { GAUGE_MODES } from "../../../src/core/modes.ts";
import type { Cell, ReadProblem } from "../../../src/core/storage.ts";
import {
  type FilePrimitives,
  openFilesystemReader,
  openFilesystemWriter,
} from "../../../src/storage/filesystem/mod.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";
import { add, fileBytes, key, KINDS, LAYOUTS, PRIMITIVES, valuesOf } from "./_support.ts";

for (const kind of KINDS) {
  for (const layout of LAYOUTS) {
    Deno.test(`openFilesystemWriter() writes Python's bytes when ${kind}, layout "${layout}"`, async () => {
      await using temp = await tempDir();
      const primitives = PRIMITIVES[kind];
      await using writer = openFilesystemWriter({ directory: temp.path, primitives, layout });
      const entries = ["", "a", "bc", "def", "é", "ghijk", "lmnopq", "rstuvwx"].map((label, i) => ({
        key: key(label),
        value: i + 0.1,
        time: 0,
      }));
      for (const { key, value } of entries) {
        add(writer.allocate("counter", undefined, key), value);
      }
      await writer.flush();
      const bytes = await Deno.readFile(`${temp.path}/counter_${writer.writer}.db`);
      const incarnation = new DataView(bytes.buffer).getInt32(4, true);
      assert(incarnation !== 0);
      assertEquals(bytes, fileBytes(entries, { layout, incarnation }));
    });
  }

  Deno.test(`openFilesystemWriter() names a file for each kind and mode when ${kind}`, async () => {
    await using temp = await tempDir();
    await using writer = openFilesystemWriter({
      directory: temp.path,
      primitives: PRIMITIVES[kind],
      writer: "w",
    });
    const modes = GAUGE_MODES.filter((mode) => mode !== "omit");
    for (const kind of ["counter", "histogram", "summary"] as const) {
      writer.allocate(kind, undefined, key(1));
    }
    for (const mode of GAUGE_MODES) writer.allocate("gauge", mode, key(1));
    const names = [...Deno.readDirSync(temp.path)].map(({ name }) => name).sort();
    assertEquals(
      names,
      [
        "counter_w.db",
        "histogram_w.db",
        "summary_w.db",
        "writer_w.lock",
        ...modes.map((mode) => `gauge_${mode}_w.db`),
      ].sort(),
    );
    assertStrictEquals(writer.unstored, 0);
  });

  Deno.test(`Cells stay valid while the file grows when ${kind}`, async () => {
    await using temp = await tempDir();
    await using writer = openFilesystemWriter({
      directory: temp.path,
      primitives: PRIMITIVES[kind],
    });
    const cells: Cell[] = [];
    for (let i = 0; i < 5000; i++) cells.push(writer.allocate("counter", undefined, key(i)));
    // A key longer than a block, and one that follows it.
    cells.push(writer.allocate("counter", undefined, key("x".repeat(150_000))));
    cells.push(writer.allocate("counter", undefined, key(5000)));
    cells.forEach((cell, i) => add(cell, i + 0.5));
    await writer.flush();
    cells.forEach((cell, i) => add(cell, i));
    await writer.flush();
    await using reader = openFilesystemReader({
      directory: temp.path,
      primitives: PRIMITIVES[kind],
    });
    const { sources, problems } = await reader.read();
    assertEquals(problems, []);
    assertEquals([...valuesOf(sources[0]).values()], cells.map((_, i) => 2 * i + 0.5));
    const { size } = await Deno.stat(`${temp.path}/counter_${writer.writer}.db`);
    assertStrictEquals(size % 65536, 0);
  });

  Deno.test(`Times are stored beside gauges when ${kind}`, async () => {
    await using temp = await tempDir();
    const primitives = PRIMITIVES[kind];
    await using writer = openFilesystemWriter({ directory: temp.path, primitives });
    const cell = writer.allocate("gauge", "mostrecent", key(1));
    cell.values[cell.index] = 7;
    cell.values[cell.timestampIndex] = 1234.5;
    await writer.flush();
    await using reader = openFilesystemReader({ directory: temp.path, primitives });
    const source = (await reader.read()).sources[0]!;
    assert(source.hasTimestamps);
    assertStrictEquals(source.values[source.slots[0]! + 1], 1234.5);
  });

  Deno.test(`allocate() after the end gives heap slots when ${kind}`, async () => {
    await using temp = await tempDir();
    const writer = openFilesystemWriter({ directory: temp.path, primitives: PRIMITIVES[kind] });
    const cell = writer.allocate("counter", undefined, key(1));
    await writer[Symbol.asyncDispose]();
    await writer[Symbol.asyncDispose]();
    add(cell, 1);
    const late = writer.allocate("counter", undefined, key(2));
    add(late, 3);
    assertStrictEquals(late.values[late.index], 3);
    await writer.flush();
  });
}

Deno.test("allocate() gives heap slots and reports once when mostrecent has no times to compare", async () => {
  await using temp = await tempDir();
  const problems: ReadProblem[] = [];
  await using writer = openFilesystemWriter({
    directory: temp.path,
    primitives: PRIMITIVES.mapped,
    layout: "value",
    onProblem: (problem) => problems.push(problem),
  });
  assertStrictEquals(writer.storesTimestamps, false);
  for (const i of [1, 2]) {
    const cell = writer.allocate("gauge", "mostrecent", key(i));
    assertStrictEquals(cell.timestampIndex, -1);
  }
  assertStrictEquals(writer.unstored, 2);
  assertEquals(problems.length, 1);
});

Deno.test("A buffered writer writes changes by itself", async () => {
  await using temp = await tempDir();
  const primitives = PRIMITIVES.buffered;
  await using writer = openFilesystemWriter({ directory: temp.path, primitives });
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  const cells = [1, 2, 3].map((i) => writer.allocate("counter", undefined, key(i)));
  for (const cell of cells) add(cell, 2);
  const read = async () => [...valuesOf((await reader.read()).sources[0]).values()];
  await waitFor(async () => (await read()).join() === "2,2,2");
  add(cells[1]!, 0.5);
  await waitFor(async () => (await read()).join() === "2,2.5,2");
  assertEquals(await read(), [2, 2.5, 2]);
});

/** A mapper that fails when told to, as a full disk makes it. */
function unreliable(): { primitives: FilePrimitives; disk: { full: boolean; asked: number } } {
  const disk = { full: false, asked: 0 };
  const { identity, locks, mapper } = PRIMITIVES.mapped;
  return {
    disk,
    primitives: {
      identity,
      locks,
      mapper: {
        map(path, offset, length) {
          disk.asked++;
          if (disk.full) throw Object.assign(new Error("ENOSPC: no room"), { code: "ENOSPC" });
          return mapper!.map(path, offset, length);
        },
      },
    },
  };
}

Deno.test("allocate() goes to the heap while the disk is full, and back to the file after", async () => {
  await using temp = await tempDir();
  const { primitives, disk } = unreliable();
  const problems: ReadProblem[] = [];
  let now = 1e12;
  await using writer = openFilesystemWriter({
    directory: temp.path,
    primitives,
    writer: "w",
    now: () => now,
    onProblem: (problem) => problems.push(problem),
  });
  const cells: Cell[] = [];
  const allocate = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const cell = writer.allocate("counter", undefined, key(cells.length));
      add(cell, 1);
      cells.push(cell);
    }
  };
  allocate(10);
  disk.full = true;
  allocate(2000);
  assert(writer.unstored > 0);
  assertStrictEquals(disk.asked, 2, "the disk is not asked for each series");
  assertEquals(problems.map(({ source }) => source), ["counter"]);
  assertMatch(problems[0]!.message, /^Cannot write metrics of writer "w": ENOSPC/);
  now += 10_000;
  allocate(1);
  assertStrictEquals(disk.asked, 3);
  assertStrictEquals(problems.length, 1, "the same state is not reported again");
  disk.full = false;
  now += 10_000;
  const { unstored } = writer;
  allocate(10);
  assertStrictEquals(writer.unstored, unstored);
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  const values = valuesOf((await reader.read()).sources[0]);
  assertStrictEquals(values.size, cells.length - unstored);
  assert(values.has(key(cells.length - 1)));
  assert([...values.values()].every((value) => value === 1));
  disk.full = true;
  allocate(2000);
  assertStrictEquals(problems.length, 2, "a new state is reported");
});

Deno.test("allocate() leaves nothing behind when the file cannot be made", async () => {
  await using temp = await tempDir();
  const { primitives, disk } = unreliable();
  disk.full = true;
  await using writer = openFilesystemWriter({ directory: temp.path, primitives, writer: "w" });
  add(writer.allocate("counter", undefined, key(1)), 1);
  assertStrictEquals(writer.unstored, 1);
  assertEquals([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["writer_w.lock"]);
});

Deno.test("allocate() does not write to a file that took the name meanwhile", async () => {
  await using temp = await tempDir();
  const problems: ReadProblem[] = [];
  await using writer = openFilesystemWriter({
    directory: temp.path,
    primitives: PRIMITIVES.mapped,
    writer: "w",
    onProblem: (problem) => problems.push(problem),
  });
  const path = `${temp.path}/counter_w.db`;
  const foreign = fileBytes([{ key: key(1), value: 1 }]);
  await Deno.writeFile(path, foreign);
  writer.allocate("counter", undefined, key(2));
  assertStrictEquals(writer.unstored, 1);
  assertEquals(problems.length, 1);
  assertEquals(await Deno.readFile(path), foreign);
});

Deno.test("openFilesystemWriter() refuses an id that is reserved or no part of a file name", async () => {
  await using temp = await tempDir();
  for (const writer of ["retired", "", "a/b", "a\0b", "x".repeat(201)]) {
    assertThrows(
      () => openFilesystemWriter({ directory: temp.path, primitives: PRIMITIVES.mapped, writer }),
      StorageError,
      `Cannot use writer id ${JSON.stringify(writer)}`,
    );
  }
  assertEquals([...Deno.readDirSync(temp.path)], []);
});
