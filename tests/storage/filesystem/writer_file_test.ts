import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStrictEquals,
} from "@std/assert";
import {
  openFilesystemReader,
  openFilesystemWriter,
  procIdentity,
} from "../../../src/storage/filesystem/mod.ts";
import { judgeByPid } from "../../../src/storage/filesystem/liveness.ts";
import { readWriterRecord } from "../../../src/storage/filesystem/writer_file.ts";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";
import { add, fileBytes, key, PRIMITIVES, valuesOf } from "./_support.ts";

const PROGRAMS = new URL("./programs/", import.meta.url);
const primitives = PRIMITIVES.mapped;

Deno.test("openFilesystemWriter() takes <pid>, then <pid>-2, never one that was there before", async () => {
  await using temp = await tempDir();
  const options = { directory: temp.path, primitives };
  const first = openFilesystemWriter(options);
  const second = openFilesystemWriter(options);
  assertEquals([first.writer, second.writer], [`${Deno.pid}`, `${Deno.pid}-2`]);
  await first[Symbol.asyncDispose]();
  await using third = openFilesystemWriter(options);
  assertStrictEquals(third.writer, `${Deno.pid}-3`);
  await second[Symbol.asyncDispose]();
});

Deno.test("openFilesystemWriter() leaves the files of a process that had the same pid alone", async () => {
  await using temp = await tempDir();
  const options = { directory: temp.path, primitives, writer: "77" };
  const before = openFilesystemWriter(options);
  add(before.allocate("counter", undefined, key(1)), 5);
  await before[Symbol.asyncDispose]();
  await using after = openFilesystemWriter(options);
  add(after.allocate("counter", undefined, key(1)), 7);
  assertStrictEquals(after.writer, "77-2");
  await using reader = openFilesystemReader(options);
  const { sources, writers } = await reader.read();
  assertEquals(writers, { live: 1, dead: 1, unknown: 0 });
  assertEquals(
    sources.map((source) => [source.writer, source.liveness, ...valuesOf(source).values()]),
    [["77-2", "live", 7], ["77", "dead", 5]],
  );
});

Deno.test("openFilesystemWriter() leaves the files of a Python process with the same pid alone", async () => {
  await using temp = await tempDir();
  const bytes = fileBytes([{ key: key(1), value: 1 }]);
  await Deno.writeFile(`${temp.path}/gauge_all_77.db`, bytes);
  await using writer = openFilesystemWriter({ directory: temp.path, primitives, writer: "77" });
  assertStrictEquals(writer.writer, "77-2");
  writer.allocate("gauge", "all", key(1));
  assertEquals(await Deno.readFile(`${temp.path}/gauge_all_77.db`), bytes);
});

Deno.test("The writer file says who the writer is", async () => {
  await using temp = await tempDir();
  await using writer = openFilesystemWriter({
    directory: temp.path,
    primitives,
    now: () => 1_700_000_000_500,
  });
  writer.allocate("counter", undefined, key(1));
  const record = readWriterRecord(`${temp.path}/writer_${writer.writer}.lock`);
  assertStrictEquals(record.pid, Deno.pid);
  assertStrictEquals(record.startTime, 1_700_000_000.5);
  assertStrictEquals(record.liveness, "flock");
  const header = await Deno.readFile(`${temp.path}/counter_${writer.writer}.db`);
  assertStrictEquals(record.incarnation, new DataView(header.buffer).getInt32(4, true));
  assertEquals([...Deno.readDirSync(temp.path)].filter(({ name }) => name.endsWith(".tmp")), []);
});

Deno.test("20 processes that claim one id at once get 20 ids", async () => {
  await using temp = await tempDir();
  await using stack = new AsyncDisposableStack();
  const program = new URL("hold_writer.ts", PROGRAMS).href;
  const children = Array.from({ length: 20 }, () => {
    const args = ["run", "-A", "--no-check", program, temp.path, "mapped", "10", "same"];
    return stack.use(spawn(Deno.execPath(), args));
  });
  const ids = await Promise.all(
    children.map(async (child) => (await child.waitForOutput(/writer=(\S+) unstored=0/))[1]),
  );
  const expected = ["same", ...Array.from({ length: 19 }, (_, i) => `same-${i + 2}`)];
  assertEquals(ids.sort(), expected.sort());
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  assertEquals((await reader.read()).writers, { live: 20, dead: 0, unknown: 0 });
});

Deno.test("Threads of a process get ids of their own and die by themselves", async () => {
  await using temp = await tempDir();
  await using reader = openFilesystemReader({ directory: temp.path, primitives });
  const threads = Array.from(
    { length: 4 },
    () => new Worker(new URL("claim_in_worker.ts", PROGRAMS), { type: "module" }),
  );
  try {
    const ids = await Promise.all(threads.map((thread) =>
      new Promise<string>((resolve) => {
        thread.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
        thread.postMessage(temp.path);
      })
    ));
    assertStrictEquals(new Set(ids).size, 4);
    for (const id of ids) assertMatch(id, new RegExp(`^${Deno.pid}(-[234])?$`));
    assertEquals((await reader.read()).writers, { live: 4, dead: 0, unknown: 0 });
  } finally {
    for (const thread of threads) thread.terminate();
  }
  await waitFor(async () => (await reader.read()).writers.dead === 4);
  const { sources } = await reader.read();
  assertEquals(sources.map((source) => [...valuesOf(source).values()]), [[1], [1], [1], [1]]);
});

Deno.test("judgeByPid() knows a life only from the same boot and pid namespace", () => {
  const identity = {
    pid: 1,
    bootId: "boot",
    pidNamespace: 7,
    startTicks: (pid: number): number | "gone" | undefined =>
      pid === 10 ? 500 : pid === 11 ? "gone" : undefined,
  };
  const record = {
    pid: 10,
    startTicks: 500,
    startTime: 1,
    bootId: "boot",
    pidNamespace: 7,
    incarnation: 3,
    formatVersion: 1,
    liveness: "pid",
  } as const;
  assertStrictEquals(judgeByPid(record, identity), "live");
  assertStrictEquals(judgeByPid({ ...record, startTicks: 499 }, identity), "dead", "pid reused");
  assertStrictEquals(judgeByPid({ ...record, pid: 11 }, identity), "dead");
  assertStrictEquals(judgeByPid({ ...record, pid: 12 }, identity), "unknown");
  assertStrictEquals(judgeByPid({ ...record, bootId: "other" }, identity), "unknown");
  assertStrictEquals(judgeByPid({ ...record, pidNamespace: 8 }, identity), "unknown");
  assertStrictEquals(judgeByPid({ ...record, startTicks: null }, identity), "unknown");
  assertStrictEquals(judgeByPid({ ...record, bootId: null }, identity), "unknown");
});

Deno.test("procIdentity() knows nothing where /proc is that of another pid namespace", () => {
  const identity = procIdentity(Deno.ppid);
  assertEquals([identity.pid, identity.bootId, identity.pidNamespace], [
    Deno.ppid,
    undefined,
    undefined,
  ]);
  assertStrictEquals(identity.startTicks(Deno.ppid), undefined);
});

Deno.test("procIdentity() sees start times, processes that are gone and zombies", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const { identity } = primitives;
  const own = identity.startTicks(Deno.pid);
  assert(typeof own === "number" && own > 0);
  assertStrictEquals(identity.startTicks(Deno.pid), own);
  assertStrictEquals(identity.startTicks(0x3fffffff), "gone");
  assertNotEquals(identity.bootId, undefined);
  // The child ends once the shell, which would have waited for it, has become another program.
  await using temp = await tempDir();
  const end = `${temp.path}/end`;
  const child = `until [ -e ${end} ]; do sleep 0.01; done`;
  await using shell = spawn("/bin/sh", ["-c", `(${child}) & echo $!; exec sleep 60`]);
  const zombie = Number((await shell.waitForOutput(/(\d+)/))[1]);
  await waitFor(() => Deno.readTextFileSync(`/proc/${shell.pid}/stat`).includes("(sleep)"));
  assert(typeof identity.startTicks(zombie) === "number");
  await Deno.writeTextFile(end, "");
  await waitFor(() => Deno.readTextFileSync(`/proc/${zombie}/stat`).includes(") Z "));
  assertStrictEquals(identity.startTicks(zombie), "gone");
});
