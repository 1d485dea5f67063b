import { assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import {
  claimDirectory,
  openFilesystemReader,
  openFilesystemWriter,
} from "../../../src/storage/filesystem/mod.ts";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";
import { fileBytes, key, PRIMITIVES } from "./_support.ts";

const primitives = PRIMITIVES.mapped;
const HOLD_WRITER = new URL("./programs/hold_writer.ts", import.meta.url).href;

/** The names in a directory. That of the file of a master that has it has a random part. */
function namesIn(directory: string): string[] {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  return names.map((name) => name.replace(/^master_[0-9a-f]{8}\.lock$/, "master_*.lock")).sort();
}

async function leaveWriter(directory: string, writer: string): Promise<void> {
  await using opened = openFilesystemWriter({ directory, primitives, writer });
  opened.allocate("counter", undefined, key(1));
  opened.allocate("gauge", "all", key(1));
}

Deno.test("claimDirectory() lets one master in at a time, and names it", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  const first = await claimDirectory({ directory, primitives, mode: "clean" });
  await leaveWriter(directory, "w");
  const before = namesIn(directory);
  const error = await assertRejects(
    () => claimDirectory({ directory, primitives, mode: "clean" }),
    StorageError,
  );
  assertStrictEquals(
    error.message,
    `Cannot use directory "${directory}": the master with pid ${Deno.pid} has it, ` +
      "expected no other master; choose another with --dir, the option `directory` or PROMETHEUS_MULTIPROC_DIR",
  );
  assertEquals(namesIn(directory), before);
  await first[Symbol.asyncDispose]();
  assertEquals(namesIn(directory), before.filter((name) => name !== "master_*.lock"));
  await using _second = await claimDirectory({ directory, primitives, mode: "keep" });
  assertEquals(namesIn(directory), before);
});

Deno.test("claimDirectory() removes our files of dead writers, and nothing else", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await leaveWriter(directory, "1");
  await leaveWriter(directory, "2-2");
  const python = fileBytes([{ key: key(1), value: 1 }]);
  await Deno.writeFile(`${directory}/counter_1001.db`, python);
  await Deno.writeFile(`${directory}/gauge_livesum_1.db`, python);
  await Deno.writeFile(`${directory}/my.db`, fileBytes([], { incarnation: 5 }));
  await Deno.writeTextFile(`${directory}/counter_9.db.0123abcd.tmp`, "left over");
  await Deno.writeTextFile(`${directory}/writer_9.lock.0123abcd.tmp`, "left over");
  await Deno.writeTextFile(`${directory}/notes.0123abcd.tmp`, "mine");
  await Deno.writeTextFile(`${directory}/counter_short.db`, "abc");
  await Deno.mkdir(`${directory}/counter_dir.db`);
  await Deno.symlink(`${directory}/my.db`, `${directory}/counter_link.db`);
  await using _claim = await claimDirectory({ directory, primitives, mode: "clean" });
  assertEquals(
    namesIn(directory),
    [
      "counter_1001.db",
      "counter_dir.db",
      "counter_link.db",
      "counter_short.db",
      "gauge_livesum_1.db",
      "master.lock",
      "master_*.lock",
      "my.db",
      "notes.0123abcd.tmp",
      "retire.lock",
    ],
  );
  await using reader = openFilesystemReader({ directory, primitives });
  assertStrictEquals((await reader.read()).writers.unknown, 2);
});

Deno.test("claimDirectory() refuses while writers live, naming them, and removes nothing", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await leaveWriter(directory, "dead");
  const args = ["run", "-A", "--no-check", HOLD_WRITER, directory, "mapped", "1", "alive"];
  await using child = spawn(Deno.execPath(), args);
  await child.waitForOutput(/unstored=0/);
  const before = namesIn(directory);
  for (const mode of ["clean", "keep"] as const) {
    const { message } = await assertRejects(
      () => claimDirectory({ directory, primitives, mode }),
      StorageError,
    );
    assertStringIncludes(
      message,
      'it is in use by writer "alive", expected no writer that lives or might live',
    );
  }
  assertEquals(namesIn(directory), [...before, "master.lock"].sort());
  await child.stop("SIGKILL");
  await waitFor(async () => {
    await using _claim = await claimDirectory({ directory, primitives, mode: "clean" });
    return true;
  });
  assertEquals(namesIn(directory), ["master.lock", "retire.lock"]);
});

Deno.test("claimDirectory() waits a moment when a writer is about to end", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const args = ["run", "-A", "--no-check", HOLD_WRITER, directory, "mapped", "1", "ending"];
  await using child = spawn(Deno.execPath(), args);
  await child.waitForOutput(/unstored=0/);
  const claiming = claimDirectory({ directory, primitives, mode: "clean" });
  await child.stop("SIGKILL");
  await using _claim = await claiming;
  assertEquals(namesIn(directory), ["master.lock", "master_*.lock", "retire.lock"]);
});

Deno.test("claimDirectory() refuses when nobody can tell whether a writer lives", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await leaveWriter(directory, "lost");
  await leaveWriter(directory, "other");
  await Deno.remove(`${directory}/writer_lost.lock`);
  const path = `${directory}/writer_other.lock`;
  const record = JSON.parse(await Deno.readTextFile(path));
  const elsewhere = { ...record, liveness: "pid", bootId: "another boot" };
  await Deno.writeTextFile(path, JSON.stringify(elsewhere));
  const before = namesIn(directory);
  const { message } = await assertRejects(
    () => claimDirectory({ directory, primitives, mode: "clean" }),
    StorageError,
  );
  assertStringIncludes(message, 'it is in use by writers "');
  assertStringIncludes(message, '"lost"');
  assertStringIncludes(message, '"other"');
  assertEquals(namesIn(directory), [...before, "master.lock"].sort());
});

Deno.test("claimDirectory() survives the SIGKILL of a master before it", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const code = `import { claimDirectory } from ${
    JSON.stringify(new URL("../../../src/storage/filesystem/mod.ts", import.meta.url).href)
  };
    import { denoFilePrimitives as primitives } from ${
    JSON.stringify(new URL("../../../src/adapters/deno/file_primitives.ts", import.meta.url).href)
  };
    globalThis.claim = await claimDirectory({
      directory: ${JSON.stringify(directory)}, primitives, mode: "clean" });
    console.log("claimed");
    setInterval(() => {}, 1000);`;
  await using master = spawn(Deno.execPath(), ["eval", code]);
  await master.waitForOutput(/claimed/);
  const { message } = await assertRejects(
    () => claimDirectory({ directory, primitives, mode: "clean" }),
    StorageError,
  );
  assertStringIncludes(message, `the master with pid ${master.pid} has it`);
  await master.stop("SIGKILL");
  await using _claim = await claimDirectory({ directory, primitives, mode: "clean" });
  assertEquals(namesIn(directory), ["master.lock", "master_*.lock", "retire.lock"]);
});
