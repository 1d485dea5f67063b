/** `deno serve --parallel`: every isolate tells the whole truth. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { sumOf } from "../support/exposition.ts";
import { startRedis } from "../support/redis_server.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { type DenoServeOptions, end, load, loadAndWatch, startDenoServe } from "./deno_serving.ts";

const SERVED = "app_served_total";

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
  await end(serving);
});

/** Loads two isolates whose values come late to each other, ends them, and starts two more. */
async function countOverRestart(options: Omit<DenoServeOptions, "isolates">): Promise<void> {
  {
    await using serving = await startDenoServe({ ...options, isolates: 2 });
    await loadAndWatch(serving, 1000);
    await waitFor(async () => (await serving.scrape()).samples.get(SERVED) === 1000);
    for (let i = 0; i < 20; i++) {
      assertEquals((await serving.scrape()).samples.get(SERVED), 1000);
    }
    await load(serving, 100);
    // Nothing waits for the next turn: the end stores it.
    await end(serving);
  }
  await using serving = await startDenoServe({ ...options, isolates: 2 });
  assertEquals((await serving.scrape()).samples.get(SERVED), 1100);
}

Deno.test("deno serve --parallel counts exactly without FFI, and when the storage is opened last", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  await countOverRestart({
    env: { PROMETHEUS_MULTIPROC_DIR: directory, LATE: "1" },
    flags: ["--allow-env", `--allow-read=${directory}`, `--allow-write=${directory}`],
  });
});

externalTest(
  "deno serve --parallel counts exactly on Redis, over a restart",
  ["redis-server"],
  async () => {
    await using redis = await startRedis();
    await countOverRestart({
      env: { REDIS_ENABLED: "true", REDIS_HOST: "127.0.0.1", REDIS_PORT: `${redis.port}` },
      flags: ["--allow-net", "--allow-env", "--allow-sys"],
    });
  },
);
