/** Libraries that make metrics of prom-client, with several workers, as docs/prom-client.md shows. */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import type { NodeVersion, ProjectKind } from "../support/node_project.ts";
import { parseExposition } from "../support/exposition.ts";
import { shapeOf } from "../support/page_tests.ts";
import { readPage } from "../support/pages.ts";
import { ROOT } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { startNodeCluster } from "./node_cluster.ts";
import { childrenOf, requestOnce, scrapePage, startServing, waitForEnd } from "./serving.ts";

const PAGE = await readPage("docs/prom-client.md");

/** A module of the page. */
function moduleOf(name: string): string {
  const found = PAGE.blocks.find(({ text }) => text.startsWith(`// ${name}\n`));
  if (found === undefined) throw new Error(`docs/prom-client.md has no module ${name}`);
  return found.text;
}

interface Library {
  readonly title: string;
  readonly version: NodeVersion;
  readonly kind: ProjectKind;
  readonly source: string;
  /** The names of samples that count the requests to `/hello`. */
  readonly counts: readonly string[];
  /** Names of other samples that are there. */
  readonly others?: readonly string[];
  /** Samples that the page says there are. */
  readonly shown?: readonly string[];
  /** Whether a worker is also killed while it answers. */
  readonly underLoad?: boolean;
}

const DEFAULTS = [
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "nodejs_heap_size_used_bytes",
  "nodejs_gc_duration_seconds_count",
];

const LIBRARIES: readonly Library[] = [
  {
    title: "express-prom-bundle 8",
    version: 20,
    kind: "plain",
    source: moduleOf("express.mjs"),
    shown: shownAfter("express.mjs"),
    counts: ["http_request_duration_seconds_count"],
    others: ["up"],
    underLoad: true,
  },
  {
    title: "fastify-metrics 14",
    version: 24,
    kind: "mapped",
    source: moduleOf("fastify.mjs").replace('"fastify-metrics"', '"fastify-metrics14"'),
    shown: shownAfter("fastify.mjs"),
    counts: ["http_request_duration_seconds_count", "http_request_summary_seconds_count"],
    others: DEFAULTS,
    underLoad: true,
  },
  {
    title: "fastify-metrics 12",
    version: 20,
    kind: "plain",
    source: moduleOf("fastify.mjs"),
    counts: ["http_request_duration_seconds_count", "http_request_summary_seconds_count"],
    others: DEFAULTS,
  },
  {
    title: "@hono/prometheus 1",
    version: 22,
    kind: "plain",
    source: moduleOf("hono.mjs"),
    counts: ["http_requests_total", "http_request_duration_seconds_count"],
  },
  // The other way: the libraries are given what is ours.
  {
    title: "express-prom-bundle 8 with our registry and default metrics",
    version: 24,
    kind: "plain",
    source: moduleOf("express.mjs")
      .replace(
        '{ register } from "prom-client"',
        '{ collectDefaultMetrics, register } from "@gpe/cli"',
      )
      .replace("shareRegistry(register);", "collectDefaultMetrics();")
      .replace("autoregister: false,", "autoregister: false, promRegistry: register,"),
    counts: ["http_request_duration_seconds_count"],
    others: ["up", ...DEFAULTS],
  },
  {
    title: "fastify-metrics 14 with our module in the place of its client",
    version: 22,
    kind: "mapped",
    source: 'import * as promClient from "@gpe/cli";\n' + moduleOf("fastify.mjs")
      .replace('"fastify-metrics"', '"fastify-metrics14"')
      .replace("endpoint: null", "endpoint: null, promClient"),
    counts: ["http_request_duration_seconds_count", "http_request_summary_seconds_count"],
    others: DEFAULTS,
  },
  {
    title: "@hono/prometheus 1 with our registry",
    version: 20,
    kind: "plain",
    source: moduleOf("hono.mjs").replace('"prom-client"', '"@gpe/cli"'),
    counts: ["http_requests_total", "http_request_duration_seconds_count"],
  },
];

/** The samples that the page shows after a module, without their values. */
function shownAfter(name: string): string[] {
  const after =
    PAGE.blocks[PAGE.blocks.findIndex(({ text }) => text.startsWith(`// ${name}\n`)) + 1];
  return after?.kind === "text" ? [...parseExposition(after.text).keys()].map(shapeOf) : [];
}

/** The sum of a sample over the series that are about `/hello`. */
function totalOf(samples: ReadonlyMap<string, number>, name: string): number {
  let sum = 0;
  for (const [key, value] of samples) {
    if (key.startsWith(`${name}{`) && key.includes('"/hello"')) sum += value;
  }
  return sum;
}

/** What passes between two looks: each costs a worker a page. */
const LOOK_MS = 50;

/** How many requests are under way when a worker is killed. */
const LOAD = 300;

for (const library of LIBRARIES) {
  const { title, version, kind, source, counts, others = [], shown = [], underLoad } = library;
  externalTest(
    `${title}: the page of any worker has all requests, those of dead workers too [Node ${version}]`,
    ["npm"],
    async () => {
      await using cluster = await startNodeCluster({ source, version, kind });
      const { program, answered } = cluster;
      let highest = counts.map(() => 0);
      // Noted: what a condition throws counts as "not yet".
      const falls: string[] = [];
      const look = async (): Promise<boolean> => {
        const page = await cluster.page();
        const totals = counts.map((name) => totalOf(page, name));
        totals.forEach((total, i) => {
          if (total < highest[i]!) falls.push(`${counts[i]}: ${highest[i]}, then ${total}`);
        });
        highest = totals;
        return totals.every((total) => total === answered.length);
      };
      const all = {
        intervalMs: LOOK_MS,
        what: () => `${answered.length} requests, not ${highest}:\n${program.stderr}`,
      };
      await cluster.send(100);
      assertEquals(answered.length, 100);
      await waitFor(look, all);
      Deno.kill(cluster.workers()[0]!, "SIGKILL");
      await waitFor(() => cluster.workers().length === 3);
      assert(await look(), all.what());
      await cluster.send(50);
      await waitFor(look, all);

      const keys = [...(await cluster.page()).keys()];
      const names = new Set(keys.map((key) => key.split("{")[0]!));
      assertEquals(others.filter((name) => !names.has(name)), []);
      const shapes = new Set(keys.map(shapeOf));
      assertEquals(shown.filter((shape) => !shapes.has(shape)), []);

      const known = answered.length;
      if (!underLoad) {
        const stored = await cluster.stop();
        assertEquals(counts.map((name) => totalOf(stored, name)), counts.map(() => known));
        assertEquals([program.stderr, falls], ["", []]);
        return;
      }
      // Killed while it answers, a worker loses what was not yet copied, and nothing else.
      let loading = true;
      const load = cluster.send(LOAD).finally(() => loading = false);
      const watching = waitFor(async () => {
        await look().catch(() => false); // asked of the killed worker
        return !loading;
      }, { intervalMs: LOOK_MS });
      await waitFor(() => answered.length > known + LOAD / 2);
      const killed = performance.now();
      Deno.kill(cluster.workers()[1]!, "SIGKILL");
      await Promise.all([load, watching]);
      await waitFor(() => cluster.workers().length === 4);
      await cluster.send(10);
      const stored = await cluster.stop();
      const recent = answered.filter((at) => at <= killed && at > killed - 1000).length;
      for (const name of counts) {
        const total = totalOf(stored, name);
        assertGreaterOrEqual(total, answered.length - recent);
        // A request that failed may have been counted all the same: its worker was killed then.
        assertGreaterOrEqual(known + LOAD + 10, total);
        assertGreater(total, known);
      }
      assertEquals([program.stderr, falls], ["", []]);
    },
  );
}

externalTest(
  "docs/prom-client.md: runPrimary() runs its express example, and the app's page has all workers",
  ["npm"],
  async () => {
    await using cluster = await startNodeCluster({
      source: moduleOf("express.mjs"),
      primary: moduleOf("cluster.mjs"),
      version: 22,
      kind: "mapped",
    });
    const { program, answered } = cluster;
    const name = "http_request_duration_seconds_count";
    let page = await cluster.page();
    const isComplete = async (): Promise<boolean> => {
      page = await cluster.page();
      return totalOf(page, name) === answered.length;
    };
    const failure = {
      intervalMs: LOOK_MS,
      what: () => `${answered.length}, not ${totalOf(page, name)}`,
    };
    await cluster.send(40);
    assertEquals(answered.length, 40);
    await waitFor(isComplete, failure);
    const workers = await childrenOf(program.pid);
    Deno.kill(workers[0]!, "SIGKILL");
    await waitForEnd([workers[0]!]);
    await cluster.send(20);
    await waitFor(isComplete, failure);
    assert([...page.keys()].some((key) => key.startsWith("gunicorn_worker_requests_total")));
    const { code } = await program.stop();
    assertEquals(code, 0, program.stderr);
  },
);

externalTest(
  "docs/prom-client.md: gpe serve runs its @hono/prometheus example, with workers killed",
  [],
  async () => {
    await using dir = await tempDir();
    const source = moduleOf("hono.ts")
      .replace('"jsr:@gpe/cli"', JSON.stringify(new URL("mod.ts", ROOT).href));
    await Deno.writeTextFile(`${dir.path}/hono.ts`, source);
    await using serving = await startServing(`${dir.path}/hono.ts`);
    const names = ["http_requests_total", "http_request_duration_seconds_count"];
    let sent = 0;
    const isComplete = async (): Promise<boolean> => {
      const pages = [await serving.scrape(), await scrapePage(`${serving.app}/metrics`)];
      return pages.every((page) => names.every((name) => totalOf(page, name) === sent));
    };
    for (; sent < 40; sent++) assert(await requestOnce(`${serving.app}/hello`));
    await waitFor(isComplete, { what: `${sent} requests on both pages` });
    const [worker] = await childrenOf(serving.gpe.pid);
    Deno.kill(worker!, "SIGKILL");
    await waitForEnd([worker!]);
    for (; sent < 60; sent++) {
      await waitFor(() => requestOnce(`${serving.app}/hello`), { what: "an answer" });
    }
    await waitFor(isComplete, { what: `${sent} requests on both pages` });
  },
);
