import { assertEquals, assertStringIncludes } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { parseExposition } from "../support/exposition.ts";
import { nodeProject } from "../support/node_project.ts";
import { spawn } from "../support/spawn.ts";
import { waitFor } from "../support/wait_for.ts";

/** Beside `runPrimary()` it shows what that one's workers have counted. */
const PRIMARY = `
import cluster from "node:cluster";
import { AggregatorRegistry, Counter } from "@gpe/cli";
import { runPrimary, startWorker } from "@gpe/cli/node";
const registry = new AggregatorRegistry();
const counter = new Counter({ name: "started_total", help: "Workers that started" });
if (cluster.isPrimary) {
  const directory = new URL("metrics", import.meta.url).pathname;
  const print = async () => {
    const page = await registry.clusterMetrics();
    if (!/^started_total 2$/m.test(page)) return setTimeout(print, 20);
    console.log("both are there.");
    process.kill(process.pid, "SIGTERM");
  };
  const options = { workers: 2, directory, metricsHostname: "127.0.0.1", metricsPort: 0 };
  process.exitCode = await runPrimary({ ...options, onRunning: print });
} else {
  const worker = await startWorker();
  counter.inc();
  worker.ready();
}
`;

externalTest(
  "AggregatorRegistry.clusterMetrics() shows the storage of runPrimary()",
  ["npm"],
  async () => {
    const project = await nodeProject();
    await using folder = await project.folder("plain");
    await Deno.writeTextFile(`${folder.path}/main.mjs`, PRIMARY);
    await using program = spawn(project.node(24), ["main.mjs"], { cwd: folder.path });
    const { code } = await program.status;
    assertEquals([code, program.stdout], [0, "both are there.\n"], program.stderr);
  },
);

externalTest(
  "AggregatorRegistry: prom-client's cluster with the import changed counts dead and hanging workers",
  ["npm"],
  async () => {
    const project = await nodeProject();
    await using folder = await project.folder("mapped");
    await Deno.copyFile(new URL("cluster.cjs", import.meta.url), `${folder.path}/cluster.cjs`);
    await using program = spawn(project.node(22), ["cluster.cjs"], {
      cwd: folder.path,
      env: { PROMETHEUS_MULTIPROC_DIR: `${folder.path}/metrics` },
    });
    const [, metrics] = await program.waitForOutput(/^metrics (\d+)\.$/m);
    const started = () => [...program.stdout.matchAll(/^app (\d+), (\d+)\.$/gm)];
    await waitFor(() => started().length === 2);
    const app = started()[0]![1]!;
    const ask = async (path: string): Promise<number> =>
      Number(
        await (await fetch(`http://127.0.0.1:${app}${path}`, { headers: { connection: "close" } }))
          .text(),
      );
    const page = async (): Promise<string> =>
      await (await fetch(`http://127.0.0.1:${metrics}/`)).text();
    const total = async (): Promise<number | undefined> =>
      parseExposition(await page()).get('test_counter{"code":"200"}');

    let sent = 0;
    for (; sent < 100; sent++) await ask("/");
    assertEquals(await total(), sent);
    Deno.kill(Number(started()[0]![2]), "SIGKILL");
    await waitFor(() => started().length === 3);
    assertEquals(await total(), sent, "what a killed worker counted is there");
    const hanging = await ask("/hang");
    sent++;
    const start = performance.now();
    assertEquals(await total(), sent, "nobody waits for a worker that hangs");
    const waitedMs = performance.now() - start;
    assertEquals(waitedMs < 4000, true, `${waitedMs} ms: prom-client gives up after 5 s`);
    assertStringIncludes(await page(), "# TYPE test_counter counter\n");
    Deno.kill(hanging, "SIGKILL");
    assertEquals(program.stderr, "");
  },
);
