import { assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import { sampleKey, sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { startRedis } from "../support/redis_server.ts";
import { waitFor } from "../support/wait_for.ts";
import { tempDir } from "../support/temp_dir.ts";
import { startDenoServe } from "./deno_serving.ts";
import { checkoutPath, startServing } from "./serving.ts";

async function status(url: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}

Deno.test("examples/hello.ts is counted", async () => {
  await using serving = await startServing(checkoutPath("examples/hello.ts"));
  for (let i = 0; i < 3; i++) assertEquals(await status(serving.app), 200);
  assertEquals(sumOf(await serving.scrape(), "gunicorn_worker_requests_total"), 3);
});

Deno.test("examples/custom_metrics.ts shows its metrics over all workers", async () => {
  await using serving = await startServing(checkoutPath("examples/custom_metrics.ts"));
  const before = Date.now() / 1000;
  for (const item of ["tea", "tea", "coffee", "cake"]) {
    assertEquals(await status(`${serving.app}/buy?item=${item}`), 200);
  }
  assertEquals(await status(`${serving.app}/buy?item=boat`), 404);
  const samples = await serving.scrape();
  assertEquals(samples.get(sampleKey("shop_orders_total", { item: "tea" })), 2);
  assertEquals(samples.get(sampleKey("shop_orders_total", { item: "coffee" })), 1);
  assertEquals(samples.get(sampleKey("shop_orders_total", { item: "cake" })), 1);
  assertEquals(samples.get("shop_order_price_euros_count"), 4);
  assertEquals(samples.get(sampleKey("shop_order_price_euros_bucket", { le: "5.0" })), 3);
  assertAlmostEquals(samples.get("shop_order_price_euros_sum")!, 3.1 + 3.1 + 4.2 + 12.5);
  assertEquals(samples.get("shop_dearest_order_euros"), 12.5);
  assertEquals(samples.get("shop_open_baskets"), 0);
  assertGreater(samples.get("shop_last_order_timestamp_seconds")!, before - 1);
  assertGreater(sumOf(samples, "shop_cache_entries"), 0);
  for (const key of samples.keys()) {
    if (key.startsWith("shop_cache_entries")) assertEquals(/"pid":"\d+"/.test(key), true);
  }
});

Deno.test("examples/deno_serve.ts is served on the bound address, failures counted", async () => {
  await using serving = await startServing(checkoutPath("examples/deno_serve.ts"));
  assertEquals(await (await fetch(`${serving.app}/users/7`)).json(), { id: "7" });
  assertEquals(await status(`${serving.app}/`), 200);
  assertEquals(await status(`${serving.app}/echo`, { method: "POST", body: "four" }), 200);
  assertEquals(await status(`${serving.app}/nowhere`), 404);
  assertEquals(await status(`${serving.app}/fail`), 500);
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), 5);
  assertEquals(sumOf(samples, "gunicorn_worker_responses_total", { code: "500" }), 1);
  assertEquals(sumOf(samples, "gunicorn_worker_request_size_bytes_sum"), 4);
  assertEquals(
    sumOf(samples, "gunicorn_worker_failed_requests_total", {
      endpoint: "/fail",
      method: "GET",
      error_type: "Error",
    }),
    1,
  );
});

externalTest("examples/redis.ts has one page for two services", ["redis-server"], async () => {
  await using redis = await startRedis();
  const options = {
    workers: 1,
    env: { REDIS_ENABLED: "true", REDIS_HOST: "127.0.0.1", REDIS_PORT: `${redis.port}` },
  };
  const example = checkoutPath("examples/redis.ts");
  await using one = await startServing(example, options);
  await using two = await startServing(example, options);
  for (const { app } of [one, two, two]) assertEquals(await status(`${app}/open`), 200);
  for (const { app } of [one, two]) assertEquals(await status(`${app}/buy`), 200);
  for (const serving of [one, two]) {
    await waitFor(async () => {
      const samples = await serving.scrape();
      return samples.get("shop_orders_total") === 2 && samples.get("shop_open_baskets") === 1 &&
        sumOf(samples, "gunicorn_worker_requests_total") === 5;
    });
  }
});

Deno.test("examples/parallel.ts has one page for all isolates of deno serve", async () => {
  await using temp = await tempDir();
  await using serving = await startDenoServe({
    app: checkoutPath("examples/parallel.ts"),
    env: { PROMETHEUS_MULTIPROC_DIR: temp.path },
    isolates: 1,
  });
  for (const path of ["/buy", "/buy", "/"]) assertEquals(await status(serving.app + path), 200);
  assertEquals((await serving.scrape()).samples.get("shop_orders_total"), 2);
});
