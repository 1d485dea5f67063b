/** `deno serve --parallel`: every isolate tells the whole truth. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { assertNoneLower } from "../faults/totals.ts";
import { externalTest } from "../support/externals.ts";
import { sumOf } from "../support/exposition.ts";
import { freePort } from "../support/free_port.ts";
import { startRedis } from "../support/redis_server.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { type DenoServing, startDenoServe } from "./deno_serving.ts";
import { keptConnection, repeat, scrapePage } from "./serving.ts";

/** SIGTERM is to end the process within a second; the tests here run beside others. */
const END_MS = Deno.env.has("GPE_FAULTS") ? 1000 : 10_000;
const RESTARTS = Deno.env.has("GPE_FAULTS") ? 20 : 3;

const SERVED = "app_served_total";

/** Sends requests on 16 connections, which the kernel spreads over the isolates. */
async function load({ app }: DenoServing, requests: number): Promise<void> {
  const connections = await Promise.all(
    Array.from({ length: 16 }, () => keptConnection(`${app}/work`)),
  );
  try {
    const idle = [...connections];
    await repeat(requests, connections.length, async () => {
      const connection = idle.pop()!;
      await connection.request();
      idle.push(connection);
    });
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
  }
}

/** Scrapes while the load goes on; no total of a page is below the one before, whoever answered. */
async function loadAndWatch(serving: DenoServing, requests: number): Promise<Set<string>> {
  const isolates = new Set<string>();
  let done = false;
  const running = load(serving, requests).finally(() => done = true);
  let last = new Map<string, number>();
  while (!done) {
    const { samples, isolate } = await serving.scrape();
    isolates.add(isolate);
    assertNoneLower(last, samples);
    last = samples;
  }
  await running;
  return isolates;
}

/** Sends SIGTERM. @returns how long the process took to end, in milliseconds */
async function end({ process }: DenoServing): Promise<number> {
  const start = performance.now();
  const { code } = await process.stop("SIGTERM");
  assertEquals(code, 0, process.stderr);
  return performance.now() - start;
}

Deno.test("deno serve --parallel counts 10,000 requests exactly, and every isolate shows them", async () => {
  await using temp = await tempDir();
  await using serving = await startDenoServe({ env: { PROMETHEUS_MULTIPROC_DIR: temp.path } });
  const before = sumOf((await serving.scrape()).samples, "gunicorn_worker_requests_total");
  const isolates = await loadAndWatch(serving, 10_000);
  let requests: number | undefined;
  let amount: number | undefined;
  for (let i = 0; i < 60 || isolates.size < 4; i++) {
    assertLess(i, 1000, "an isolate never answered a scrape");
    const { samples, isolate } = await serving.scrape();
    isolates.add(isolate);
    assertEquals(samples.get(SERVED), 10_000);
    // Scrapes are requests too, of which each page has all before it.
    const total = sumOf(samples, "gunicorn_worker_requests_total");
    assertEquals(total, requests === undefined ? total : requests + 1);
    assertGreater(total, before + 10_000);
    requests = total;
    assertEquals(samples.get("app_amount_total"), amount ?? samples.get("app_amount_total"));
    amount = samples.get("app_amount_total");
    assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
  }
  assert(Math.abs(amount! - 1000) < 1e-6, `${amount}`);
  const { samples } = await serving.scrape();
  const seriesOf = (name: string): string[] =>
    [...samples.keys()].filter((key) => key.startsWith(`${name}{`)).sort();
  for (const name of ["requests_total", "requests_in_progress", "event_loop_lag_seconds"]) {
    assertEquals(
      seriesOf(`gunicorn_worker_${name}`),
      [1, 2, 3, 4].map((n) => `gunicorn_worker_${name}{"worker_id":"worker_${n}"}`),
    );
  }
  assertEquals(sumOf(samples, "gunicorn_worker_requests_in_progress"), 1);
  for (const name of ["memory_bytes", "cpu_percent"]) {
    assertEquals(seriesOf(`gunicorn_worker_${name}`).length, 1, name);
  }
  assertLess(await end(serving), END_MS);
});

Deno.test("deno serve --parallel counts exactly without FFI, and when the storage is opened last", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  const options = {
    isolates: 2,
    env: { PROMETHEUS_MULTIPROC_DIR: directory, LATE: "1" },
    flags: ["--allow-env", `--allow-read=${directory}`, `--allow-write=${directory}`],
  };
  {
    await using serving = await startDenoServe(options);
    await loadAndWatch(serving, 1000);
    // Without mapped files, the others' values are up to a tenth of a second late.
    await waitFor(async () => (await serving.scrape()).samples.get(SERVED) === 1000);
    for (let i = 0; i < 20; i++) {
      assertEquals((await serving.scrape()).samples.get(SERVED), 1000);
    }
    await load(serving, 100);
    // Nothing waits for the next turn: the end writes it.
    assertLess(await end(serving), END_MS);
  }
  await using serving = await startDenoServe(options);
  assertEquals((await serving.scrape()).samples.get(SERVED), 1100);
});

Deno.test("deno serve --parallel goes on with its totals after restarts, and files do not pile up", async () => {
  await using temp = await tempDir();
  const env = { PROMETHEUS_MULTIPROC_DIR: temp.path };
  const counts: number[] = [];
  let last = new Map<string, number>();
  for (let run = 1; run <= RESTARTS; run++) {
    await using serving = await startDenoServe({ env, isolates: 2 });
    await load(serving, 50);
    let samples = new Map<string, number>();
    do {
      ({ samples } = await serving.scrape());
      assertEquals(samples.get(SERVED), run * 50);
    } while (samples.get('gpe_writers{"state":"dead"}') !== 0);
    assertNoneLower(last, samples);
    last = samples;
    counts.push([...Deno.readDirSync(temp.path)].length);
    if (run % 2 === 0) await serving.process.stop("SIGKILL");
    else assertLess(await end(serving), END_MS);
  }
  // From the second run on there are the accumulators.
  assertEquals(new Set(counts.slice(1)).size, 1, `${counts}`);
});

Deno.test("serveMetrics() has one port for all isolates, and SIGTERM ends them", async () => {
  await using temp = await tempDir();
  const port = freePort();
  const metrics = `http://127.0.0.1:${port}/metrics`;
  await using serving = await startDenoServe({
    env: { PROMETHEUS_MULTIPROC_DIR: temp.path, METRICS_PORT: `${port}` },
  });
  await load(serving, 500);
  for (let i = 0; i < 5; i++) assertEquals((await scrapePage(metrics)).get(SERVED), 500);
  // A scraper keeps its connection; that must not keep the process.
  using kept = await keptConnection(metrics);
  await kept.request();
  assertLess(await end(serving), END_MS);
  assertEquals(serving.process.stderr.includes("Cannot"), false, serving.process.stderr);
});

externalTest(
  "deno serve --parallel counts exactly on Redis, over a restart",
  ["redis-server"],
  async () => {
    await using redis = await startRedis();
    const env = {
      REDIS_ENABLED: "true",
      REDIS_HOST: "127.0.0.1",
      REDIS_PORT: `${redis.port}`,
    };
    const options = { env, isolates: 2, flags: ["--allow-net", "--allow-env", "--allow-sys"] };
    {
      await using serving = await startDenoServe(options);
      await loadAndWatch(serving, 1000);
      await waitFor(async () => (await serving.scrape()).samples.get(SERVED) === 1000);
      for (let i = 0; i < 20; i++) {
        assertEquals((await serving.scrape()).samples.get(SERVED), 1000);
      }
      // Nothing waits for the next flush: the end sends it.
      await load(serving, 100);
      assertLess(await end(serving), END_MS);
    }
    await using serving = await startDenoServe(options);
    assertEquals((await serving.scrape()).samples.get(SERVED), 1100);
  },
);
