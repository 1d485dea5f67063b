/** What a shared registry counted right before the end of its process is stored. */
import { assertEquals } from "@std/assert";
import { aggregate } from "../../src/mod.ts";
import { externalTest } from "../support/externals.ts";
import { parseExposition } from "../support/exposition.ts";
import { nodeProject, type NodeVersion, type ProjectKind } from "../support/node_project.ts";
import { ROOT, spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Nothing is waited for between the last update and the end. */
const PROGRAM = `
import process from "node:process";
import { openStorage, shareRegistry } from "@gpe/cli";
import { Counter, Histogram, register, Summary } from "prom-client";
openStorage();
shareRegistry(register);
const counter = new Counter({ name: "c_total", help: "h", labelNames: ["l"] });
const histogram = new Histogram({ name: "h", help: "h", buckets: [1] });
const summary = new Summary({ name: "s", help: "h" });
for (let i = 0; i < 900; i++) {
  counter.inc({ l: i % 3 }, 2);
  histogram.observe(i % 2);
  summary.observe(1);
}
switch (process.argv[2]) {
  case "exit":
    process.exit(3);
    break;
  case "error":
    throw new Error("thrown");
  case "SIGTERM":
    setInterval(() => {}, 1000);
    process.kill(process.pid, "SIGTERM");
}
`;

const ENDS: Readonly<Record<string, { code: number; signal: Deno.Signal | null }>> = {
  exit: { code: 3, signal: null },
  end: { code: 0, signal: null },
  error: { code: 1, signal: null },
  SIGTERM: { code: 143, signal: "SIGTERM" },
};

async function assertStored(directory: string): Promise<void> {
  const samples = parseExposition(await aggregate({ directory }));
  assertEquals(
    ['c_total{"l":"0"}', 'c_total{"l":"2"}', "h_count", "h_sum", "s_count", "s_sum"]
      .map((key) => samples.get(key)),
    [600, 600, 900, 450, 900, 900],
  );
}

const RUNS: readonly [how: string, version: NodeVersion, kind: ProjectKind][] = [
  ["exit", 20, "plain"],
  ["error", 24, "plain"],
  ["SIGTERM", 22, "plain"],
  ["end", 22, "plain"],
  ["SIGTERM", 24, "mapped"],
];

for (const [how, version, kind] of RUNS) {
  externalTest(
    `shareRegistry() keeps all when Node ${version} ends by ${how}, ${kind}`,
    ["npm"],
    async () => {
      const project = await nodeProject();
      await using folder = await project.folder(kind);
      await Deno.writeTextFile(`${folder.path}/main.mjs`, PROGRAM);
      const directory = `${folder.path}/metrics`;
      await using program = spawn(project.node(version), ["main.mjs", how], {
        cwd: folder.path,
        env: { PROMETHEUS_MULTIPROC_DIR: directory },
      });
      const { code, signal } = await program.status;
      assertEquals({ code, signal }, ENDS[how]);
      await assertStored(directory);
    },
  );
}

for (const how of ["exit", "end"]) {
  Deno.test(`shareRegistry() keeps all when Deno ends by ${how}`, async () => {
    await using dir = await tempDir();
    const source = PROGRAM.replace('"@gpe/cli"', JSON.stringify(new URL("mod.ts", ROOT).href))
      .replace('"prom-client"', '"npm:prom-client@^15.1.3"');
    await Deno.writeTextFile(`${dir.path}/main.mjs`, source);
    const config = new URL("deno.json", ROOT).pathname;
    await using program = spawn(
      Deno.execPath(),
      ["run", "-A", "--config", config, "main.mjs", how],
      {
        cwd: dir.path,
        env: { PROMETHEUS_MULTIPROC_DIR: `${dir.path}/metrics` },
      },
    );
    const { code, signal } = await program.status;
    assertEquals([{ code, signal }, program.stderr], [ENDS[how], ""]);
    await assertStored(`${dir.path}/metrics`);
  });
}
