import { assert, assertEquals, assertGreater, assertMatch, assertStrictEquals } from "@std/assert";
import { openFilesystemReader } from "../../../src/storage/filesystem/mod.ts";
import { PRIMITIVES, valuesOf } from "../../storage/filesystem/_support.ts";
import { NODE_VERSIONS } from "../../support/node_project.ts";
import { canMount, smallDisk } from "../../support/small_disk.ts";
import { openScene } from "./directory_scene.ts";

const SERIES = 20_000;

for (const kind of ["mapped", "plain"] as const) {
  Deno.test({
    name: `A full disk stops nothing on Node, ${kind} [needs mount]`,
    ignore: !canMount,
    async fn() {
      await using scene = await openScene(kind, 22);
      for (const version of kind === "mapped" ? NODE_VERSIONS : [22] as const) {
        await using disk = await smallDisk();
        assert(disk !== undefined);
        const { path } = disk;
        await using run = scene.start(kind, ["fill", `${SERIES}`], version, path);
        // A mapped write to a hole would be SIGBUS.
        assertEquals(await run.status, { success: true, code: 0, signal: null });
        const { unstored, problems } = JSON.parse(run.stdout);
        assertGreater(unstored, 1000);
        assertStrictEquals(problems.length, 1);
        assertMatch(problems[0], /^Cannot write metrics of writer "\d+": ENOSPC/);
        await using reader = openFilesystemReader({
          directory: path,
          primitives: PRIMITIVES.mapped,
        });
        const { sources } = await reader.read();
        const values = valuesOf(sources[0]);
        assertStrictEquals(values.size, SERIES - unstored);
        assertEquals(new Set(values.values()), new Set([3]));
      }
    },
  });
}
