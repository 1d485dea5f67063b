import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import { directoryStats, prepareDirectory } from "../../../src/storage/filesystem/mod.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fileBytes } from "./_support.ts";

const isRoot = Deno.uid() === 0;

Deno.test("prepareDirectory() makes the directory and what leads to it, for its owner alone", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/a/b/metrics`;
  prepareDirectory(directory);
  prepareDirectory(directory);
  assertStrictEquals((await Deno.stat(directory)).mode! & 0o777, 0o700);
  assertEquals([...Deno.readDirSync(directory)], []);
});

Deno.test("prepareDirectory() takes a directory that its owner made", async () => {
  await using temp = await tempDir();
  for (const mode of [0o700, 0o755, 0o775]) {
    await Deno.chmod(temp.path, mode);
    prepareDirectory(temp.path);
  }
  await Deno.symlink(temp.path, `${temp.path}/link`);
  prepareDirectory(`${temp.path}/link`);
  assertStrictEquals((await Deno.stat(temp.path)).mode! & 0o777, 0o775);
});

Deno.test("prepareDirectory() refuses a directory that everybody may write to", async () => {
  await using temp = await tempDir();
  for (const mode of [0o777, 0o1777]) {
    await Deno.chmod(temp.path, mode);
    const error = assertThrows(() => prepareDirectory(temp.path), StorageError);
    assertStrictEquals(
      error.message,
      `Cannot use directory "${temp.path}": everybody may write there ` +
        `(mode ${mode.toString(8).padStart(4, "0")}), expected mode 0700; ` +
        "choose another with --dir, the option `directory` or PROMETHEUS_MULTIPROC_DIR",
    );
    assertStrictEquals(error.target, temp.path);
  }
});

Deno.test("prepareDirectory() refuses what is no directory", async () => {
  await using temp = await tempDir();
  const file = `${temp.path}/file`;
  await Deno.writeTextFile(file, "");
  await Deno.symlink(`${temp.path}/none`, `${temp.path}/dangling`);
  for (const directory of [file, `${file}/below`, `${temp.path}/dangling`, "/dev/null"]) {
    const error = assertThrows(() => prepareDirectory(directory), StorageError);
    assertStringIncludes(error.message, `Cannot use directory "${directory}": `);
  }
});

Deno.test({
  name: "prepareDirectory() refuses a directory of somebody else [needs root]",
  ignore: !isRoot,
  async fn() {
    await using temp = await tempDir();
    const directory = `${temp.path}/theirs`;
    await Deno.mkdir(directory, { mode: 0o755 });
    await Deno.chown(directory, 1234, 1234);
    const error = assertThrows(() => prepareDirectory(directory), StorageError);
    assertStringIncludes(error.message, "owned by uid 1234, expected uid 0");
    assertEquals([...Deno.readDirSync(directory)], []);
    await Deno.mkdir(`${temp.path}/ours`);
    await Deno.symlink(`${temp.path}/ours`, `${temp.path}/link`);
    await new Deno.Command("chown", { args: ["-h", "1234", `${temp.path}/link`] }).output();
    const { message } = assertThrows(() => prepareDirectory(`${temp.path}/link`), StorageError);
    assertStringIncludes(message, "a symbolic link of uid 1234, expected one of uid 0");
  },
});

Deno.test({
  name:
    "prepareDirectory() refuses a directory that it may not write to [needs another user than root]",
  ignore: isRoot,
  async fn() {
    await using temp = await tempDir();
    await Deno.chmod(temp.path, 0o500);
    const { message } = assertThrows(() => prepareDirectory(temp.path), StorageError);
    assertStringIncludes(message, `EACCES, owned by uid ${Deno.uid()}, expected a directory`);
  },
});

Deno.test("directoryStats() counts metric files and their sizes", async () => {
  await using temp = await tempDir();
  await Deno.writeFile(`${temp.path}/counter_1.db`, fileBytes([]));
  await Deno.writeFile(`${temp.path}/gauge_all_1.db`, fileBytes([], { size: 131072 }));
  await Deno.writeTextFile(`${temp.path}/master.lock`, "not counted");
  assertEquals(directoryStats(temp.path), { files: 2, bytes: 196608 });
  assertEquals(directoryStats(`${temp.path}/none`), { files: 0, bytes: 0 });
});
