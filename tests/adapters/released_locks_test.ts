/** A lock is free when it has been released, whatever the process starts at that moment. */
import { assertEquals } from "@std/assert";
import { bundleForNode } from "../support/node_bundle.ts";
import { NODE_VERSIONS, nodeProject } from "../support/node_project.ts";
import { spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";

const PROGRAM = new URL("./programs/released_locks.ts", import.meta.url);

async function assertReleases(command: string, args: readonly string[]): Promise<void> {
  await using temp = await tempDir();
  const path = `${temp.path}/file`;
  await Deno.writeTextFile(path, "");
  await using program = spawn(command, [...args, path]);
  const { code } = await program.status;
  assertEquals([code, program.stderr], [0, ""]);
  assertEquals(JSON.parse(program.stdout), { released: 500, held: 0 });
}

Deno.test("a released lock of Deno's is free while processes are started", async () => {
  await assertReleases(Deno.execPath(), ["run", "-A", PROGRAM.pathname]);
});

Deno.test("a released lock of Node's is free while processes are started", async (t) => {
  const project = await nodeProject();
  await using folder = await project.folder("mapped");
  await bundleForNode(PROGRAM, `${folder.path}/locks.mjs`);
  for (const version of NODE_VERSIONS) {
    await t.step(`Node ${version}`, async () => {
      await assertReleases(project.node(version), [`${folder.path}/locks.mjs`]);
    });
  }
});
