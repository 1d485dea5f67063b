import { assertEquals, assertStrictEquals } from "@std/assert";
import { openFilesystemReader, retireWriters } from "../../src/storage/filesystem/mod.ts";
import { openScene } from "../adapters/node/directory_scene.ts";
import { PRIMITIVES, valuesOf } from "../storage/filesystem/_support.ts";
import { NODE_VERSIONS } from "../support/node_project.ts";
import { waitFor } from "../support/wait_for.ts";

/** How many writers are killed. */
const KILLS = Deno.env.get("GPE_FAULTS") === "full" ? 200 : 12;

const primitives = PRIMITIVES.mapped;

Deno.test("Totals stay exact while processes of Node and Deno retire beside each other", async () => {
  await using scene = await openScene("plain", 22);
  const { directory } = scene;
  await using stack = new AsyncDisposableStack();
  const loops = (["plain", "plain", "mapped"] as const).map((kind, i) =>
    stack.use(scene.start(kind, ["loop"], NODE_VERSIONS[i]))
  );
  await using reader = openFilesystemReader({ directory, primitives });
  const total = async (): Promise<number> => {
    const { sources, problems } = await reader.read();
    assertEquals(problems, []);
    return sources.flatMap((source) => [...valuesOf(source).values()])
      .reduce((sum, value) => sum + value, 0);
  };
  let before = 0;
  for (let i = 0; i < KILLS; i += 2) {
    // Ids come again: nobody may mix up two writers with the same one.
    const writers = (["plain", "mapped"] as const).map((kind) =>
      scene.start(kind, ["write", "same", "3"], NODE_VERSIONS[i / 2 % 3])
    );
    for (const writer of writers) await writer.waitForOutput(/"unstored":0/);
    for (const [j, writer] of writers.entries()) {
      await writer.stop("SIGKILL");
      await retireWriters({ directory, primitives });
      const now = await total();
      assertStrictEquals(now >= before, true, `the total fell from ${before} to ${now}`);
      assertStrictEquals(now, 1.5 * (i + 2), `after ${i + j} kills`);
      before = now;
    }
  }
  await waitFor(async () => (await reader.read()).writers.dead === 0);
  for (const loop of loops) {
    await loop.waitForOutput(new RegExp(`^total=${1.5 * KILLS}$`, "m"));
    assertEquals([loop.stderr, /error/.test(loop.stdout)], ["", false], loop.stdout);
  }
});
