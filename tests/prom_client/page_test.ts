/** What docs/prom-client.md shows runs: its libraries in tests/integration, the rest here. */
import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { parseExposition } from "../support/exposition.ts";
import { nodeProject } from "../support/node_project.ts";
import { pageShell } from "../support/page_shell.ts";
import { shapeOf } from "../support/page_tests.ts";
import { commandLines, readPage } from "../support/pages.ts";
import { ROOT, spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import * as ours from "../../src/mod.ts";

const PAGE = await readPage("docs/prom-client.md");
const modules = new Map(
  PAGE.blocks.filter(({ kind }) => kind === "js" || kind === "ts")
    .map(({ text }) => [/^\/\/ (\S+)\n/.exec(text)?.[1], text]),
);

/** Run by tests/integration/prom_client_libraries_test.ts, which also compares the samples. */
const LIBRARIES = ["cluster.mjs", "express.mjs", "fastify.mjs", "hono.mjs", "hono.ts"];

Deno.test("docs/prom-client.md has no block that nothing runs", () => {
  assertEquals([...modules.keys()].sort(), [...LIBRARIES, "keep.mjs", "shop.mjs"].sort());
  const known = ["js", "ts", "sh", "text"];
  assertEquals(PAGE.blocks.filter(({ kind }) => !known.includes(kind)), []);
});

externalTest("docs/prom-client.md: the short programs run on Node", ["npm"], async () => {
  const project = await nodeProject();
  await using folder = await project.folder("plain");
  const run = async (name: string, shown: RegExp): Promise<void> => {
    await Deno.writeTextFile(`${folder.path}/${name}`, modules.get(name)!);
    await using program = spawn(project.node(24), [name], { cwd: folder.path });
    assertEquals([(await program.status).code, program.stderr], [0, ""]);
    assertMatch(program.stdout, shown);
  };
  await Promise.all([
    run("shop.mjs", /^shop_orders_total\{item="tea"\} 1$/m),
    run("keep.mjs", /^$/),
  ]);
});

Deno.test("docs/prom-client.md: the commands work, and the sample is what they show", async () => {
  await using dir = await tempDir();
  const source = modules.get("hono.ts")!
    .replace('"jsr:@gpe/cli"', JSON.stringify(new URL("mod.ts", ROOT).href));
  await Deno.writeTextFile(`${dir.path}/hono.ts`, source);
  await using shell = pageShell(dir.path, `${dir.path}/metrics`);
  const commands = PAGE.blocks.filter(({ kind }) => kind === "sh").flatMap(commandLines);
  assertGreater(commands.length, 2);
  for (const line of commands) await shell.run(line);
  const after = PAGE.blocks[PAGE.blocks.findIndex(({ kind }) => kind === "sh") + 1]!;
  const wanted = [...parseExposition(after.text).keys()].map(shapeOf);
  // The other worker may have taken the request: what it counted is there a moment later.
  await waitFor(async () => {
    await shell.run(commands.at(-1)!);
    const shapes = new Set([...parseExposition(shell.pages.at(-1)!).keys()].map(shapeOf));
    return wanted.every((shape) => shapes.has(shape));
  });
  await shell.stop();
});

Deno.test("docs/prom-client.md names nothing of ours that there is not", () => {
  const named = new Set(PAGE.text.matchAll(/`(\w+)\(\)`/g).map(([, name]) => name!));
  const elsewhere =
    /^(?:runPrimary|startWorker|exit|get|inc|zero|collect|metrics|reset|remove|clear|resetMetrics|removeSingleMetric|setDefaultLabels|clusterMetrics|setRegistries)$/;
  const unknown = [...named].filter((name) => !(name in ours) && !elsewhere.test(name));
  assertEquals(unknown, []);
  assert(named.has("shareRegistry") && named.has("metricsHandler"));
});
