import { assertEquals, assertGreater } from "@std/assert";
import { bundleForNode } from "../../support/node_bundle.ts";
import { NODE_VERSIONS, nodeProject } from "../../support/node_project.ts";
import { spawn } from "../../support/spawn.ts";

const PROGRAM = new URL("./programs/driver_suite.ts", import.meta.url);

for (const kind of ["mapped", "plain"] as const) {
  Deno.test(`Node's file primitives pass the suite of the drivers, ${kind}`, async (t) => {
    const project = await nodeProject();
    await using folder = await project.folder(kind);
    await bundleForNode(PROGRAM, `${folder.path}/suite.mjs`);
    for (const version of NODE_VERSIONS) {
      await t.step(`Node ${version}`, async (t) => {
        await using suite = spawn(project.node(version), [`${folder.path}/suite.mjs`, kind]);
        const { code } = await suite.status;
        assertEquals([code, suite.stderr], [0, ""]);
        const lines = suite.stdout.trim().split("\n");
        assertGreater(lines.length, 14);
        for (const line of lines) {
          const { title, failure } = JSON.parse(line);
          await t.step(title, () => assertEquals(failure, ""));
        }
      });
    }
  });
}
