/**
 * `deno serve --parallel` restarted again and again, in order and by SIGKILL. The short form runs with
 * all tests, the long one with `deno task faults`.
 */
import { assertEquals, assertLess } from "@std/assert";
import { end, load, startDenoServe } from "../integration/deno_serving.ts";
import { keptConnection, scrapePage } from "../integration/serving.ts";
import { freePort } from "../support/free_port.ts";
import { tempDir } from "../support/temp_dir.ts";
import { assertNoneLower } from "./totals.ts";

const FULL = Deno.env.get("GPE_FAULTS") === "full";

/** SIGTERM is to end the process within a second; the short form runs beside others. */
const END_MS = FULL ? 1000 : 10_000;
const RESTARTS = FULL ? 20 : 3;

const SERVED = "app_served_total";

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
    const names = [...Deno.readDirSync(temp.path)].map(({ name }) => name);
    counts.push(names.filter((name) => /\.db$|^writer_/.test(name)).length);
    // The rest are notes on who does what, which come and go.
    assertLess(names.length, counts.at(-1)! + 20, `${names}`);
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
