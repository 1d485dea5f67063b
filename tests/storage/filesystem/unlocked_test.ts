import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import type { Snapshot } from "../../../src/core/storage.ts";
import {
  claimDirectory,
  type FilePrimitives,
  openFilesystemReader,
  openFilesystemWriter,
  retireWriters,
} from "../../../src/storage/filesystem/mod.ts";
import { isTaken, takeOffice } from "../../../src/storage/filesystem/office.ts";
import { externalTest } from "../../support/externals.ts";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";
import { add, key, PRIMITIVES, valuesOf } from "./_support.ts";

const { mapped, unlocked } = PRIMITIVES;

/** A world in which nobody sees what a process has open. */
const blind: FilePrimitives = {
  ...unlocked,
  identity: { ...unlocked.identity, hasOpen: () => undefined },
};

/** The same machine, seen from another pid namespace. */
const elsewhere: FilePrimitives = {
  ...unlocked,
  identity: { ...unlocked.identity, pidNamespace: 1 },
};

async function read(directory: string, primitives: FilePrimitives): Promise<Snapshot> {
  await using reader = openFilesystemReader({ directory, primitives });
  return await reader.read();
}

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

const PAIRS = [
  ["unlocked", "unlocked"],
  ["unlocked", "mapped"],
  ["mapped", "unlocked"],
] as const;

for (const [holder, second] of PAIRS) {
  Deno.test(`claimDirectory() lets one master in, ${holder} before ${second}`, async () => {
    await using temp = await tempDir();
    const directory = temp.path;
    const claim = (kind: "unlocked" | "mapped") =>
      claimDirectory({ directory, primitives: PRIMITIVES[kind], mode: "clean" });
    const first = await claim(holder);
    const before = namesIn(directory);
    const { message } = await assertRejects(() => claim(second), StorageError);
    assertStrictEquals(
      message,
      `Cannot use directory "${directory}": the master with pid ${Deno.pid} has it, ` +
        "expected no other master; choose another with --dir, the option `directory` or PROMETHEUS_MULTIPROC_DIR",
    );
    assertEquals(namesIn(directory), before);
    await first[Symbol.asyncDispose]();
    const next = await claim(second);
    await next[Symbol.asyncDispose]();
    assertEquals(namesIn(directory), ["master.lock", "retire.lock"]);
  });
}

Deno.test("claimDirectory() names the file of a master that cannot be judged", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await using _claim = await claimDirectory({ directory, primitives: unlocked, mode: "keep" });
  const file = namesIn(directory).find((name) => /^master_/.test(name));
  const { message } = await assertRejects(
    () => claimDirectory({ directory, primitives: elsewhere, mode: "keep" }),
    StorageError,
  );
  assertStrictEquals(
    message,
    `Cannot use directory "${directory}": the master with pid ${Deno.pid} might have it ` +
      `(it cannot be seen from here; if it is gone, remove ${file}), expected no other master; ` +
      "choose another with --dir, the option `directory` or PROMETHEUS_MULTIPROC_DIR",
  );
});

Deno.test("takeOffice() gives way to whoever tries at the same time, and leaves nothing", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const first = takeOffice(directory, "retire", unlocked);
  assert(isTaken(first));
  assertEquals(takeOffice(directory, "retire", unlocked), { certain: false, pid: Deno.pid });
  const other = takeOffice(directory, "master", unlocked);
  assert(isTaken(other));
  other.release();
  first.release();
  assertEquals(namesIn(directory), []);
});

Deno.test("retireWriters() names the file of who might be retiring for ever, and never waits for it", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const office = takeOffice(directory, "retire", unlocked);
  assert(isTaken(office));
  const retire = (primitives: FilePrimitives) =>
    retireWriters({ directory, primitives, waits: false });
  const [file] = namesIn(directory);
  assertEquals(await retire(unlocked), { folded: 0, files: 0, problems: [] });
  const { message } = await assertRejects(() => retire(elsewhere), StorageError);
  assertStrictEquals(
    message,
    `Cannot retire writers of "${directory}": the process with pid ${Deno.pid} might be doing so, ` +
      `expected ${file} removed when it is gone`,
  );
  office.release();
  assertEquals(await retire(elsewhere), { folded: 0, files: 0, problems: [] });
});

for (const [dying, retiring] of PAIRS) {
  Deno.test(`retireWriters() folds ${dying} writers where it is ${retiring} itself`, async () => {
    await using temp = await tempDir();
    const directory = temp.path;
    const open = (kind: "unlocked" | "mapped", writer: string) => {
      const opened = openFilesystemWriter({ directory, primitives: PRIMITIVES[kind], writer });
      add(opened.allocate("counter", undefined, key(1)), 0.1);
      return opened;
    };
    await using living = open(dying, "living");
    await using beside = open(retiring, "beside");
    const ended = open(dying, "ended");
    await ended[Symbol.asyncDispose]();
    // Without locks, one that has locks is taken to live as long as its process.
    const isSeen = dying === "unlocked" || PRIMITIVES[retiring].locks !== undefined;
    const primitives = PRIMITIVES[retiring];
    const { folded, files, problems } = await retireWriters({ directory, primitives });
    assertEquals([folded, files, problems], isSeen ? [1, 1, []] : [0, 0, []]);
    await living.flush();
    await beside.flush();
    const { sources, writers } = await read(directory, mapped);
    const values = sources.map((source) => [source.writer, ...valuesOf(source).values()]);
    const rest = isSeen ? [["retired", 0.1]] : [["ended", 0.1]];
    assertEquals(
      new Map(values as [string, number][]),
      new Map([
        ["beside", 0.1],
        ["living", 0.1],
        ...rest as [string, number][],
      ]),
    );
    assertEquals(writers, { live: 2, dead: isSeen ? 0 : 1, unknown: 0 });
  });
}

Deno.test("A writer without a lock is dead once it is closed, whoever looks", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const writer = openFilesystemWriter({ directory, primitives: unlocked });
  const looking = [unlocked, mapped, blind];
  for (const primitives of looking) {
    assertEquals((await read(directory, primitives)).writers, { live: 1, dead: 0, unknown: 0 });
  }
  assertEquals((await read(directory, elsewhere)).writers, { live: 0, dead: 0, unknown: 1 });
  await using reader = openFilesystemReader({ directory, primitives: blind });
  assertStrictEquals((await reader.read()).writers.live, 1);
  await writer[Symbol.asyncDispose]();
  for (const primitives of [...looking, elsewhere]) {
    assertEquals((await read(directory, primitives)).writers, { live: 0, dead: 1, unknown: 0 });
  }
  assertStrictEquals((await reader.read()).writers.dead, 1);
});

Deno.test("A writer whose file was closed under it is dead, as that of a thread that was ended", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await using _writer = openFilesystemWriter({ directory, primitives: unlocked });
  const closed: FilePrimitives = {
    ...unlocked,
    identity: { ...unlocked.identity, hasOpen: () => false },
  };
  assertEquals((await read(directory, closed)).writers, { live: 0, dead: 1, unknown: 0 });
});

Deno.test("A writer that nobody could have seen open is judged by its process alone", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const writer = openFilesystemWriter({ directory, primitives: blind });
  assertEquals((await read(directory, unlocked)).writers, { live: 1, dead: 0, unknown: 0 });
  await writer[Symbol.asyncDispose]();
  assertEquals((await read(directory, unlocked)).writers, { live: 0, dead: 1, unknown: 0 });
});

Deno.test("hasOpen() tells an open file from a closed one and from another", () => {
  const { identity } = unlocked;
  const [descriptor, name] = [4_000_000, "writer_1.lock.0123abcd.tmp"];
  assertStrictEquals(identity.hasOpen?.(Deno.pid, { descriptor, name }), false);
  assertStrictEquals(identity.hasOpen?.(Deno.pid, { descriptor: 0, name }, 1), false);
  assertStrictEquals(identity.hasOpen?.(0x3fffffff, { descriptor, name }), undefined);
});

externalTest("procIdentity() sees a process live whose main thread alone has ended", [
  "python3",
], async ({ python3 }) => {
  const { identity } = unlocked;
  const code = `import ctypes, threading, time
threading.Thread(target=time.sleep, args=(3600,)).start()
print("ending", flush=True)
ctypes.PyDLL(None).pthread_exit(None)`;
  await using python = spawn(python3, ["-c", code]);
  await python.waitForOutput(/ending/);
  const stat = () => Deno.readTextFileSync(`/proc/${python.pid}/stat`);
  await waitFor(() => stat().includes(") Z "));
  assertStrictEquals(typeof identity.startTicks(python.pid), "number");
  const open = { descriptor: 0, name: "anything" };
  assertStrictEquals(identity.hasOpen?.(python.pid, open), undefined);
  await python.stop("SIGKILL");
  assertStrictEquals(identity.startTicks(python.pid), "gone");
});
