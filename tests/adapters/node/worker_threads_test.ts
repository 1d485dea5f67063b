import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import { openFilesystemReader } from "../../../src/storage/filesystem/mod.ts";
import { parseExposition } from "../../support/exposition.ts";
import { nodeProgram } from "../../support/node_program.ts";
import { NODE_VERSIONS } from "../../support/node_project.ts";
import { tempDir } from "../../support/temp_dir.ts";

const PROGRAM = new URL("./programs/threads.mjs", import.meta.url);

for (const kind of ["mapped", "plain"] as const) {
  for (const version of NODE_VERSIONS) {
    Deno.test(`Threads of Node ${version}, ${kind}, count for themselves and die by themselves`, async () => {
      await using temp = await tempDir();
      await using program = await nodeProgram(PROGRAM, kind);
      const env = { PROMETHEUS_MULTIPROC_DIR: temp.path };
      await using run = program.start(version, [], { env });
      const { code } = await run.status;
      assertEquals([code, run.stderr], [0, ""]);
      const [first, ...page] = run.stdout.split("\n");
      const { pid, mapped, writers } = JSON.parse(first!);
      assertStrictEquals(mapped, kind === "mapped");
      // Of the six, two have ended without saying theirs.
      assertStrictEquals(writers[0], `${pid}`);
      assertStrictEquals(new Set(writers).size, 4);
      const ids = Array.from({ length: 5 }, (_, i) => `${pid}-${i + 2}`);
      assertEquals(writers.slice(1).filter((id: string) => !ids.includes(id)), []);

      const samples = parseExposition(page.join("\n"));
      // The main thread, and five that counted 500 each.
      const acknowledged = 0.25 + 5 * 500;
      // Two were ended just after they had counted 10 more, a third counts them too.
      const counted = acknowledged + 3 * 10;
      const total = samples.get("counted_total")!;
      if (mapped) assertStrictEquals(total, counted);
      assert(total >= acknowledged && total <= counted, `${total}`);
      // The main thread and the one that stayed: the others are seen to have ended.
      assertStrictEquals(samples.get("threads"), 2);

      await using reader = openFilesystemReader({
        directory: temp.path,
        primitives: denoFilePrimitives,
      });
      assertEquals((await reader.read()).writers, { live: 0, dead: 6, unknown: 0 });
    });
  }
}
