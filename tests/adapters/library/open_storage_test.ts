import { assertEquals, assertMatch, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import { createAggregator } from "../../../src/core/aggregate.ts";
import { renderText } from "../../../src/core/exposition_text.ts";
import { openFilesystemReader } from "../../../src/storage/filesystem/mod.ts";
import { parseExposition } from "../../support/exposition.ts";
import { ROOT, spawn, type Spawned } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";

const PROGRAM = new URL("./programs/open_and_count.ts", import.meta.url).href;

function run(
  directory: string,
  how: string,
  permissions: readonly string[],
  cwd: string | URL = ROOT,
): Spawned {
  return spawn(
    Deno.execPath(),
    ["run", "--no-prompt", "--no-check", ...permissions, PROGRAM, how],
    { env: { PROMETHEUS_MULTIPROC_DIR: directory }, cwd },
  );
}

async function samplesIn(directory: string): Promise<Map<string, number>> {
  await using reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
  const { families } = createAggregator().aggregate(await reader.read());
  return parseExposition(renderText(families));
}

for (const ffi of [true, false]) {
  for (const how of ["exit", "dispose", "end"]) {
    const kind = ffi ? "mapped" : "buffered";
    Deno.test(`openStorage() keeps everything when the process ends by ${how}, ${kind}`, async () => {
      await using temp = await tempDir();
      const directory = `${temp.path}/metrics`;
      // Exactly what the documentation asks for.
      const permissions = [
        "--allow-env=PROMETHEUS_MULTIPROC_DIR",
        `--allow-read=${directory}`,
        `--allow-write=${directory}`,
        ...(ffi ? ["--allow-ffi"] : []),
      ];
      await using program = run(directory, how, permissions);
      const { code } = await program.status;
      assertStrictEquals(program.stderr, "");
      assertStrictEquals(code, how === "exit" ? 3 : 0);
      assertStringIncludes(program.stdout, `mapped=${ffi} unstored=0`);
      assertMatch(
        program.stdout,
        /^Cannot open the storage: writer "\d+" is open already, expected one openStorage\(\) in a process, and none in a master or in a worker that it started$/m,
      );
      const samples = await samplesIn(directory);
      assertEquals([samples.get("early_total"), samples.get("late_total")], [5, 0.5]);
      if (how === "dispose") assertStrictEquals(samples.get("collected"), 1);
    });
  }
}

Deno.test("openStorage() runs collect() callbacks while the process lives", async () => {
  await using temp = await tempDir();
  await using program = run(temp.path, "wait", ["-A"]);
  await program.waitForOutput(/mapped=true/);
  await waitFor(async () => ((await samplesIn(temp.path)).get("collected") ?? 0) >= 2);
  await program.stop("SIGKILL");
  assertStrictEquals((await samplesIn(temp.path)).get("early_total"), 5);
});

Deno.test("openStorage() stays in its directory when the application goes elsewhere", async () => {
  await using temp = await tempDir();
  await Deno.mkdir(`${temp.path}/elsewhere`);
  await using program = run("metrics", "go", ["-A"], temp.path);
  assertEquals([(await program.status).code, program.stderr], [0, ""]);
  const samples = await samplesIn(`${temp.path}/metrics`);
  assertEquals(["early_total", "late_total", "collected"].map((name) => samples.get(name)), [
    5,
    0.5,
    1,
  ]);
  assertEquals([...Deno.readDirSync(`${temp.path}/elsewhere`)], []);
});

Deno.test("openStorage() says in one line why it cannot use a directory", async () => {
  await using temp = await tempDir();
  await Deno.chmod(temp.path, 0o777);
  await using program = run(temp.path, "exit", ["-A"]);
  assertStrictEquals((await program.status).code, 1);
  assertStringIncludes(
    program.stderr,
    `StorageError: Cannot use directory "${temp.path}": everybody may write there (mode 0777)`,
  );
});
