import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { openFilesystemReader, openFilesystemWriter } from "../../../src/storage/filesystem/mod.ts";
import { FileReader } from "../../../src/storage/filesystem/file_reader.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { add, fileBytes, key, KINDS, LAYOUTS, PRIMITIVES, valuesOf } from "./_support.ts";

const primitives = PRIMITIVES.mapped;

/** Problems without the names of errors' details that differ between systems. */
function named(problems: readonly { source: string; message: string }[]): Record<string, string> {
  return Object.fromEntries(problems.map(({ source, message }) => [source, message]));
}

Deno.test("read() gives nothing and says why when the directory is missing", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/none`;
  await using reader = openFilesystemReader({ directory, primitives });
  const { sources, writers, problems } = await reader.read();
  assertEquals(sources, []);
  assertEquals(writers, { live: 0, dead: 0, unknown: 0 });
  assertEquals(problems.map(({ source }) => source), [directory]);
  await using writer = openFilesystemWriter({ directory, primitives });
  writer.allocate("counter", undefined, key(1));
  assertEquals((await reader.read()).problems, []);
});

for (const layout of LAYOUTS) {
  Deno.test(`read() gives Python's files in layout "${layout}" as of an unknown writer`, async () => {
    await using temp = await tempDir();
    const entries = Array.from({ length: 50 }, (_, i) => ({ key: key(i), value: i / 3, time: i }));
    await Deno.writeFile(`${temp.path}/gauge_max_uwsgi_1.db`, fileBytes(entries, { layout }));
    await using reader = openFilesystemReader({ directory: temp.path, primitives });
    const { sources, writers } = await reader.read();
    const [source] = sources;
    assert(source !== undefined);
    assertEquals(writers, { live: 0, dead: 0, unknown: 1 });
    assertEquals(
      [source.name, source.kind, source.mode, source.writer, source.liveness, source.startTime],
      ["gauge_max_uwsgi_1.db", "gauge", "max", "uwsgi_1", "unknown", Infinity],
    );
    assertEquals(valuesOf(source), new Map(entries.map(({ key, value }) => [key, value])));
    assertStrictEquals(source.hasTimestamps, layout === "timestamp");
    if (source.hasTimestamps) assertStrictEquals(source.values[source.slots[7]! + 1], 7);
  });
}

for (const kind of KINDS) {
  Deno.test(`read() parses and reads only what is new when the writer is ${kind}`, async () => {
    await using temp = await tempDir();
    const directory = temp.path;
    await using writer = openFilesystemWriter({ directory, primitives: PRIMITIVES[kind] });
    await using reader = openFilesystemReader({ directory, primitives: PRIMITIVES[kind] });
    const cells = Array.from({ length: 1000 }, (_, i) => {
      return writer.allocate("counter", undefined, key(i));
    });
    await writer.flush();
    const [first] = (await reader.read()).sources;
    const before = { ...reader.stats };
    assertEquals([before.keysParsed, before.filesOpened], [1000, 1]);
    cells.forEach((cell, i) => add(cell, i));
    await writer.flush();
    const [second] = (await reader.read()).sources;
    assertStrictEquals(second, first);
    assertEquals([...valuesOf(second).values()], cells.map((_, i) => i));
    assertEquals([reader.stats.keysParsed, reader.stats.filesOpened], [1000, 2]);
    const { revision } = second!;
    for (let i = 1000; i < 1500; i++) add(writer.allocate("counter", undefined, key(i)), i);
    await writer.flush();
    const [third] = (await reader.read()).sources;
    assertStrictEquals(third, first);
    assertStrictEquals(third!.revision, revision);
    assertEquals([...valuesOf(third)], Array.from({ length: 1500 }, (_, i) => [key(i), i]));
    assertStrictEquals(reader.stats.keysParsed, 1500);
  });
}

Deno.test("read() never reads more of a file than is in use, but for the rest of a page", async () => {
  await using temp = await tempDir();
  await Deno.writeFile(
    `${temp.path}/counter_1.db`,
    fileBytes([{ key: key(1), value: 1 }], { size: 1 << 24 }),
  );
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  await reader.read();
  await reader.read();
  assertStrictEquals(reader.stats.bytesRead, 2 * 4096);
});

for (const layout of ["timestamp", "value"] as const) {
  Deno.test(`read() reads the values alone of a file of ours, whatever its size (${layout})`, async () => {
    await using temp = await tempDir();
    const path = `${temp.path}/gauge_mostrecent_1.db`;
    // Several pieces of 64 KiB, and a key that is longer than one.
    const keys = Array.from({ length: 3000 }, (_, i) => key(i));
    keys.splice(1500, 0, key("x".repeat(200_000)));
    const write = (values: (i: number) => number, count = keys.length): Promise<void> =>
      Deno.writeFile(
        path,
        fileBytes(
          keys.slice(0, count).map((key, i) => ({ key, value: values(i), time: values(i) / 2 })),
          { layout, incarnation: 5, size: 1 << 20 },
        ),
      );
    await using reader = openFilesystemReader({ directory: temp.path, primitives });
    const check = async (values: (i: number) => number, count = keys.length): Promise<void> => {
      const { sources: [source], problems } = await reader.read();
      assertEquals(problems, []);
      const expected = keys.slice(0, count).map((key, i) => [key, values(i)]);
      assertEquals([...valuesOf(source)], expected);
      if (layout === "value") return;
      const { values: all, slots } = source!;
      assertEquals(
        Array.from({ length: count }, (_, i) => all[slots[i]! + 1]),
        expected.map(([, value]) => Number(value) / 2),
      );
    };
    await write((i) => i, 2900);
    await check((i) => i, 2900);
    await write((i) => i + 0.5);
    await check((i) => i + 0.5);
    const { bytesRead, keysParsed } = reader.stats;
    await write((i) => -i);
    await check((i) => -i);
    assertStrictEquals(reader.stats.keysParsed, keysParsed);
    // All but the long key, and what is in front of the first value.
    assert(reader.stats.bytesRead - bytesRead < (1 << 20) - 100_000);
    // Absent values are told by their bits.
    const bytes = await Deno.readFile(path);
    const used = new Int32Array(bytes.buffer)[0]!;
    const last = used - (layout === "value" ? 8 : 16);
    bytes.set([1, 2, 3, 4, 5, 6, 0xf8, 0x7f], last);
    await Deno.writeFile(path, bytes);
    const { sources: [source] } = await reader.read();
    const slot = source!.slots[keys.length - 1]!;
    const found = new Uint8Array(source!.values.buffer, slot * 8, 8);
    assertEquals([...found], [1, 2, 3, 4, 5, 6, 0xf8, 0x7f]);
  });
}

Deno.test("read() starts anew when a file was replaced", async () => {
  await using temp = await tempDir();
  const path = `${temp.path}/counter_1.db`;
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  const contents = [
    fileBytes([{ key: key("a"), value: 1 }, { key: key("b"), value: 2 }]),
    fileBytes([{ key: key("c"), value: 3 }]), // shorter
    fileBytes([{ key: key("c"), value: 4 }], { incarnation: 5 }),
    fileBytes([{ key: key("c"), value: 4 }], { layout: "value" }),
  ];
  let last: unknown;
  const revisions = new Set<number>();
  for (const bytes of contents) {
    // In place: inode and time of birth stay.
    await Deno.writeFile(path, bytes);
    const { sources: [source], problems } = await reader.read();
    assertEquals(problems, []);
    assertNotStrictEquals(source, last);
    revisions.add(source!.revision);
    last = source;
  }
  assertStrictEquals(revisions.size, contents.length);
  await Deno.writeFile(`${temp.path}/new`, fileBytes([{ key: key("d"), value: 4 }]));
  await Deno.rename(`${temp.path}/new`, path);
  const { sources: [source] } = await reader.read();
  assertNotStrictEquals(source, last);
  assertEquals([...valuesOf(source)], [[key("d"), 4]]);
});

Deno.test("refresh() sees each changed byte of a key when the file system keeps no time of birth", async () => {
  await using temp = await tempDir();
  const path = `${temp.path}/counter_1.db`;
  const name = { kind: "counter", mode: undefined, writer: "1" } as const;
  const stats = { filesOpened: 0, bytesRead: 0, keysParsed: 0 };
  const entries = Array.from({ length: 20 }, (_, i) => ({ key: key(100 + i), value: i }));
  await Deno.writeFile(path, fileBytes(entries));
  const file = new FileReader("counter_1.db", name, { ino: 1, birthtimeMs: 0 }, 1);
  assert(file.refresh(path, stats));
  await Deno.writeFile(path, fileBytes(entries.map(({ key }) => ({ key, value: -1 }))));
  assert(file.refresh(path, stats));
  entries[7] = { key: key(200), value: 7 };
  await Deno.writeFile(path, fileBytes(entries));
  assertStrictEquals(file.refresh(path, stats), false);
});

Deno.test("read() drops a file that is gone, and takes one that Python just made as empty", async () => {
  await using temp = await tempDir();
  const path = `${temp.path}/counter_1.db`;
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  const look = async (): Promise<unknown[]> => {
    const { sources, problems } = await reader.read();
    assertEquals(problems, []);
    return sources.map(({ keys }) => keys.length);
  };
  await Deno.writeFile(path, new Uint8Array(0));
  assertEquals(await look(), [0]);
  await Deno.writeFile(path, new Uint8Array(65536));
  assertEquals(await look(), [0]);
  await Deno.writeFile(path, fileBytes([]));
  assertEquals(await look(), [0]);
  await Deno.writeFile(path, fileBytes([{ key: key(1), value: 1 }]));
  assertEquals(await look(), [1]);
  await Deno.remove(path);
  assertEquals(await look(), []);
});

Deno.test("read() skips what is damaged, hostile or foreign, names it, and serves the rest", async () => {
  await using temp = await tempDir();
  const at = (name: string): string => `${temp.path}/${name}`;
  const good = fileBytes([{ key: key(1), value: 1 }, { key: key(2), value: 2 }]);
  const used = new DataView(good.buffer).getInt32(0, true);
  const patched = (offset: number, value: number): Uint8Array => {
    const bytes = good.slice();
    new DataView(bytes.buffer).setInt32(offset, value, true);
    return bytes;
  };
  const long = fileBytes(
    Array.from({ length: 200 }, (_, i) => ({ key: key(i), value: i })),
  );
  const files: Record<string, Uint8Array> = {
    "counter_giant.db": patched(0, 0x7ffffff8),
    "counter_negative.db": patched(0, -8),
    "counter_odd.db": patched(0, used + 1),
    "counter_beyond.db": patched(0, 65536 * 4).subarray(0, 300),
    "counter_cut.db": long.subarray(0, 5000),
    "counter_stub.db": good.subarray(0, 5),
    "counter_length.db": patched(8, -1),
    "counter_long.db": patched(8, 1 << 28),
    "counter_text.db": patched(12, 0x41414141),
    "counter_zeros.db": patched(0, 4096),
    "counter_notes.db": new TextEncoder().encode(
      "Not a metric file at all, but it is long enough.",
    ),
    "gauge_nosuchmode_1.db": good,
    "my.db": good,
    "notes.txt": good,
    "counter_good.db": good,
    "histogram_good.db": long,
  };
  for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(at(name), bytes);
  await Deno.mkdir(at("counter_directory.db"));
  await Deno.symlink(at("counter_good.db"), at("counter_link.db"));
  await Deno.symlink("/dev/zero", at("counter_zero.db"));
  await Deno.writeTextFile(at("writer_bad.lock"), "{");
  await Deno.writeTextFile(at("writer_other.lock"), '{"pid": 1}');
  await Deno.symlink("/dev/zero", at("writer_link.lock"));
  const fifo = await new Deno.Command("mkfifo", { args: [at("counter_fifo.db")] }).output();
  assert(fifo.success);

  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  for (let round = 0; round < 2; round++) {
    const { sources, problems } = await reader.read();
    assertEquals(sources.map(({ name }) => name), ["counter_good.db", "histogram_good.db"]);
    assertEquals([...valuesOf(sources[0]).values()], [1, 2]);
    const skipped = [
      ...Object.keys(files).filter((name) => name.endsWith(".db") && !name.includes("good")),
      ...["counter_directory.db", "counter_fifo.db", "counter_link.db", "counter_zero.db"],
      ...["writer_bad.lock", "writer_link.lock", "writer_other.lock"],
    ];
    assertEquals(Object.keys(named(problems)).sort(), skipped.sort());
    const messages = named(problems);
    assertStrictEquals(
      messages["counter_giant.db"],
      "Cannot read metric file: 2147483640 bytes are said to be in use, expected 8 to 536870912",
    );
    assertStrictEquals(
      messages["counter_cut.db"],
      `Cannot read metric file: it ends after 5000 of the ${
        new DataView(long.buffer).getInt32(0, true)
      } bytes in use`,
    );
    assertStrictEquals(
      messages["counter_fifo.db"],
      "Cannot read metric file: it is not a regular file",
    );
  }
});

Deno.test("read() leaves out entries whose key is not UTF-8, and names them at every read", async () => {
  await using temp = await tempDir();
  const broken = new TextEncoder().encode(key("ab"));
  broken[broken.indexOf(0x61, 20)] = 0xff;
  const entries = [{ key: key(1), value: 1 }, { key: broken, value: 2 }, { key: key(3), value: 3 }];
  await Deno.writeFile(`${temp.path}/counter_1.db`, fileBytes(entries));
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  for (let round = 0; round < 2; round++) {
    const { sources, problems } = await reader.read();
    assertEquals([...valuesOf(sources[0])], [[key(1), 1], [key(3), 3]]);
    assertEquals(problems.map(({ source }) => source), ["counter_1.db"]);
  }
});

Deno.test("read() takes our file for an unknown writer's when its incarnation is another's", async () => {
  await using temp = await tempDir();
  await using writer = openFilesystemWriter({ directory: temp.path, primitives, writer: "w" });
  writer.allocate("counter", undefined, key(1));
  await Deno.writeFile(`${temp.path}/gauge_all_w.db`, fileBytes([{ key: key(1), value: 1 }]));
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  const { sources } = await reader.read();
  assertEquals(sources.map(({ liveness }) => liveness), ["live", "unknown"]);
});

Deno.test("read() keeps the values of the last read while no file can be opened", async () => {
  await using temp = await tempDir();
  await using writer = openFilesystemWriter({ directory: temp.path, primitives });
  add(writer.allocate("counter", undefined, key(1)), 5);
  const program = new URL("./programs/exhaust_files.ts", import.meta.url).href;
  const shell = 'ulimit -n 100 && exec "$0" run -A --no-check "$1" "$2"';
  const { success, stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", shell, Deno.execPath(), program, temp.path],
  }).output();
  assert(success);
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  const state = { values: [[5]], writers: { live: 1, dead: 0, unknown: 0 } };
  assertEquals(lines, [
    { ...state, problems: false },
    { ...state, problems: true },
    { ...state, problems: false },
  ]);
});
