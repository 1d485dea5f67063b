/** The command line as a process: what an io in memory cannot show. */
import { assertEquals } from "@std/assert";
import { ROOT, runGpe } from "../support/spawn.ts";
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import { denoFilePrimitives } from "../../src/adapters/deno/file_primitives.ts";
import { openFilesystemWriter } from "../../src/storage/filesystem/mod.ts";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("gpe passes its exit code and its streams to the shell", async () => {
  const version = await runGpe(["--version"]);
  assertEquals([version.code, version.stderr], [0, ""]);
  assertEquals(await runGpe(["serv"]), {
    code: 2,
    stdout: "",
    stderr: 'gpe: Unknown command "serv", did you mean "serve"?\n',
  });
  const { code, stderr } = await runGpe(["dump", "--dir", "/no/such/directory"]);
  assertEquals([code, stderr.split("\n").length], [1, 2]);
});

Deno.test("gpe dump is quiet when its reader goes away, and complete when it stays", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  const help = "h".repeat(100);
  await using writer = openFilesystemWriter({ directory, primitives: denoFilePrimitives });
  for (let i = 0; i < 20_000; i++) {
    writer.allocate("counter", undefined, encodeSampleKey("c", "c_total", { i: String(i) }, help));
  }
  await writer.flush();
  const pipe = async (reader: string) => {
    const gpe = `"${Deno.execPath()}" run -A mod.ts dump --dir "${directory}"`;
    const { stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", `${gpe} | ${reader}; echo "\${PIPESTATUS[0]}"`],
      cwd: ROOT,
    }).output();
    return [new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
  };
  assertEquals(await pipe("head -1"), [`# HELP c_total ${help}\n0\n`, ""]);
  assertEquals(await pipe("grep -c '^c_total{'"), ["20000\n0\n", ""]);
});
