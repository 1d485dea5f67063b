import { assertEquals } from "@std/assert";
import { packNpmPackage } from "../../tools/npm_package.ts";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { freePort } from "../support/free_port.ts";
import { copyDirectory, nodeProject } from "../support/node_project.ts";
import { startPackageRegistry } from "../support/package_registry.ts";
import { spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Runs in workers that have a third copy, which opened the storage: that of the checkout's JSR package. */
const APP = `
import * as jsr from "jsr:@gpe/cli";
import * as npm from "npm:@gpe/cli";
if (jsr.Counter === npm.Counter) throw new Error("there is one copy");
const own = [jsr, npm].map((copy, index) =>
  new copy.Counter({ name: ["jsr", "npm"][index] + "_total", help: "Counted" })
);
const common = [jsr, npm].map(({ Counter }) =>
  new Counter({ name: "common_total", help: "Counted", labelNames: ["a"] })
);
const handler = npm.metricsHandler();
// Recorded by the server already: neither copy records it again.
export default jsr.instrument(npm.instrument({
  fetch(request) {
    if (request.url.endsWith("/metrics")) return handler(request);
    own.forEach((counter) => counter.inc(0.1));
    common.forEach((counter) => counter.inc({ a: "x" }, 0.25));
    return new Response("counted");
  },
}));
`;

externalTest(
  "copies from JSR and npm in the workers of one service lose nothing",
  ["npm"],
  async () => {
    const { packagePath } = await nodeProject();
    await using temp = await tempDir();
    await using registry = await startPackageRegistry(await packNpmPackage(packagePath, temp.path));
    await Deno.writeTextFile(`${registry.directory}/app.ts`, APP);
    const bind = `127.0.0.1:${freePort()}`;
    await using gpe = registry.deno(
      [..."run -A jsr:@gpe/cli serve app.ts --workers 2 --bind".split(" "), bind],
      {
        PROMETHEUS_MULTIPROC_DIR: `${temp.path}/metrics`,
        PROMETHEUS_BIND_ADDRESS: "127.0.0.1",
        PROMETHEUS_METRICS_PORT: "0",
      },
    );
    const [, metrics] = await gpe.waitForOutput(/^Metrics endpoint +(\S+)$/m);
    await gpe.waitForOutput(/^Application +(\S+)$/m);
    const requests = 50;
    for (let i = 0; i < requests; i++) {
      const response = await fetch(`http://${bind}/`, { headers: { connection: "close" } });
      assertEquals(await response.text(), "counted");
    }
    for (const page of [metrics!, `http://${bind}/metrics`]) {
      const samples = parseExposition(await (await fetch(page)).text());
      assertEquals(sumOf(samples, "jsr_total").toFixed(9), (requests / 10).toFixed(9));
      assertEquals(sumOf(samples, "npm_total"), sumOf(samples, "jsr_total"));
      assertEquals(sumOf(samples, "common_total", { a: "x" }), requests / 2);
    }
    const samples = parseExposition(await (await fetch(metrics!)).text());
    // The page that the application itself has shown is a request too.
    assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), requests + 1);
    assertEquals(sumOf(samples, "gunicorn_worker_requests_in_progress"), 0);
    const ids = ["worker_1", "worker_2"].map((id) => ({ worker_id: id }));
    const each = ids.map((id) => sumOf(samples, "gunicorn_worker_requests_total", id));
    assertEquals(each[0]! + each[1]!, requests + 1);
    assertEquals((await gpe.stop()).code, 0, gpe.stderr);
  },
);

/** Counts in two copies; with two arguments each has a storage of its own, in one directory. */
const PROGRAM = `
import * as first from "@gpe/cli";
import * as second from "./second/src/mod.js";
const directory = process.argv[2];
const counters = [first, second, first, second].map((copy, index) =>
  new copy.Counter({
    name: ["first_total", "second_total", "common_total", "common_total"][index],
    help: "Counted",
  })
);
const count = () => counters.forEach((counter) => counter.inc());
count(); // before there is a storage
const openers = process.argv[3] === "shared" ? [second] : [first, second];
const storages = openers.map(({ openStorage }) => openStorage({ directory }));
count();
const { default: prom } = await import("prom-client");
for (const [index, copy] of [first, second].entries()) {
  const foreign = new prom.Counter({ name: "foreign_" + index + "_total", help: "C", registers: [] });
  copy.register.registerMetric(foreign);
  foreign.inc(7);
}
const writers = new Set(storages.map(({ writer }) => writer.writer));
for (const { aggregate } of [first, second]) {
  if (openers.length === 1) console.log(await aggregate());
}
for (const storage of storages) await storage[Symbol.asyncDispose]();
console.log(await first.aggregate({ directory }));
console.log("writers", writers.size);
`;

for (const shared of [true, false]) {
  const how = shared ? "share one writer" : "of versions that cannot share take a writer each";
  externalTest(`two copies from npm in one process of Node ${how}`, ["npm"], async () => {
    const project = await nodeProject();
    await using folder = await project.folder("mapped");
    await copyDirectory(project.packagePath, `${folder.path}/second`);
    if (!shared) await becomeNextVersion(`${folder.path}/second`);
    await Deno.writeTextFile(`${folder.path}/main.mjs`, PROGRAM);
    const args = ["main.mjs", `${folder.path}/metrics`, shared ? "shared" : "apart"];
    await using program = spawn(project.node(20), args, { cwd: folder.path });
    const { code } = await program.status;
    assertEquals([code, program.stderr], [0, ""]);
    const pages = program.stdout.split("\n\n").filter((page) => page.includes("# HELP"));
    assertEquals(pages.length, shared ? 3 : 1, program.stdout);
    for (const page of pages) {
      const samples = parseExposition(page.replace(/^writers.*$/m, ""));
      const names = ["first_total", "second_total", "common_total"];
      assertEquals(names.map((name) => sumOf(samples, name)), [2, 2, 4]);
      const foreign = ["foreign_0_total", "foreign_1_total"];
      assertEquals(foreign.map((name) => sumOf(samples, name)), [7, 7]);
    }
    assertEquals(/^writers (\d+)$/m.exec(program.stdout)?.[1], shared ? "1" : "2");
  });
}

/** Makes a copy into one whose store the other copies cannot use. */
async function becomeNextVersion(path: string): Promise<void> {
  const module = `${path}/src/core/process_store.js`;
  const text = await Deno.readTextFile(module);
  const next = text.replace("version: 1", "version: 2").replace("version === 1", "version === 2");
  assertEquals(next.match(/version(:| ===) 2/g)?.length, 2);
  await Deno.writeTextFile(module, next);
}
