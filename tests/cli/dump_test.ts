import { assertEquals, assertStringIncludes } from "@std/assert";
import { denoFilePrimitives } from "../../src/adapters/deno/file_primitives.ts";
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import { openFilesystemWriter } from "../../src/storage/filesystem/mod.ts";
import { tempDir } from "../support/temp_dir.ts";
import { gpe } from "./fake_io.ts";

/** A directory in which two writers have counted 0.1 and 0.2. */
async function countedDirectory() {
  const temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  for (const value of [0.1, 0.2]) {
    await using writer = openFilesystemWriter({ directory, primitives: denoFilePrimitives });
    const key = encodeSampleKey("jobs", "jobs_total", { kind: "a" }, "Jobs done");
    const cell = writer.allocate("counter", undefined, key);
    cell.values[cell.index] = value;
  }
  return { directory, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

Deno.test("gpe dump prints the aggregate in each format", async () => {
  await using counted = await countedDirectory();
  const { directory } = counted;
  assertEquals(await gpe(["dump", "--dir", directory]), {
    code: 0,
    stdout: '# HELP jobs_total Jobs done\n# TYPE jobs_total counter\njobs_total{kind="a"} ' +
      "0.30000000000000004\n",
    stderr: "",
  });
  const open = await gpe(["dump", "--format=openmetrics"], { PROMETHEUS_MULTIPROC_DIR: directory });
  assertEquals(
    open.stdout,
    '# HELP jobs Jobs done\n# TYPE jobs counter\njobs_total{kind="a"} 0.30000000000000004\n# EOF\n',
  );
  const json = await gpe(["dump", "--dir", directory, "--format", "json"]);
  assertEquals(JSON.parse(json.stdout)[0].samples, [
    { name: "jobs_total", labels: { kind: "a" }, value: 0.1 + 0.2 },
  ]);
});

Deno.test("gpe dump names damaged files on stderr and prints the rest", async () => {
  await using counted = await countedDirectory();
  await Deno.writeTextFile(`${counted.directory}/counter_99.db`, "damaged");
  const { code, stdout, stderr } = await gpe(["dump", "--dir", counted.directory]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "jobs_total");
  assertEquals(stderr.trimEnd().split("\n").length, 1);
  assertStringIncludes(stderr, "source=counter_99.db");
});

Deno.test("gpe dump exits with 1 and one line when there is no such directory", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/none`;
  assertEquals(await gpe(["dump", "--dir", directory]), {
    code: 1,
    stdout: "",
    stderr: `gpe: Cannot read "${directory}": no such directory, expected the directory of the ` +
      "metric files (--dir, PROMETHEUS_MULTIPROC_DIR)\n",
  });
  const { stderr } = await gpe(["dump", "--dir", directory, "--log-level", "debug"]);
  assertStringIncludes(stderr, "\n    at ", "who asks for everything gets the stack");
  const json = (await gpe(["dump", "--dir", directory, "--log-format", "json"])).stderr;
  assertStringIncludes(JSON.parse(json).message, "no such directory");
});
