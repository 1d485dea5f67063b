import { assertEquals, assertStrictEquals } from "@std/assert";
import { openFilesystemReader } from "../../../src/storage/filesystem/mod.ts";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";
import { KINDS, PRIMITIVES, valuesOf } from "./_support.ts";

const HOLD_WRITER = new URL("./programs/hold_writer.ts", import.meta.url).href;

for (const kind of KINDS) {
  Deno.test(`Nothing that was written is lost by SIGKILL when ${kind}`, async () => {
    await using temp = await tempDir();
    await using reader = openFilesystemReader({
      directory: temp.path,
      primitives: PRIMITIVES[kind],
    });
    const adds = 12_345;
    const total = async (): Promise<number> => {
      const [source] = (await reader.read()).sources;
      return [...valuesOf(source).values()].reduce((sum, value) => sum + value, 0);
    };
    const args = ["run", "-A", "--no-check", HOLD_WRITER, temp.path, kind, String(adds)];
    await using child = spawn(Deno.execPath(), args);
    await child.waitForOutput(/unstored=0/);
    // A buffered writer promises the values of 100 ms ago, a mapped one those of now.
    if (kind === "buffered") await waitFor(async () => await total() === adds / 2);
    await child.stop("SIGKILL");
    assertStrictEquals(await total(), adds / 2);
    const { writers, sources } = await reader.read();
    assertEquals(writers, { live: 0, dead: 1, unknown: 0 });
    assertEquals(sources.map(({ liveness }) => liveness), ["dead"]);
  });
}
