import { assert, assertEquals, assertFalse, assertGreater } from "@std/assert";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { redisKeysIn } from "./redis_serving.ts";
import { startRedis } from "../support/redis_server.ts";
import { runGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  repeat,
  requestOnce,
  type Serving,
  startServing,
  waitForEnd,
} from "./serving.ts";

const APP = checkoutPath("tests/fixtures/apps/increments.ts");
const REQUESTS = "gunicorn_worker_requests_total";

async function ask(serving: Serving, times: number): Promise<void> {
  await repeat(times, 16, async () => assert(await requestOnce(`${serving.app}/`)));
}

/** Waits until the page shows the total; it must never show more. */
async function waitForTotal(serving: Serving, wanted: number): Promise<Map<string, number>> {
  let total = 0;
  return await waitFor(async () => {
    const samples = await serving.scrape();
    total = sumOf(samples, "test_work_total");
    assert(total <= wanted, `the total is ${total}, expected at most ${wanted}`);
    return total === wanted && sumOf(samples, REQUESTS) === wanted ? samples : undefined;
  }, { what: () => `a total of ${wanted}; it is ${total}` });
}

async function dump(url: string): Promise<Map<string, number>> {
  const { code, stdout, stderr } = await runGpe(["dump", "--redis-url", url]);
  assertEquals([code, stderr], [0, ""]);
  return parseExposition(stdout);
}

externalTest("gpe serve on Redis counts exactly and makes no file", ["redis-server"], async () => {
  await using redis = await startRedis();
  await using dir = await tempDir();
  const directory = `${dir.path}/metrics`;
  await using serving = await startServing(APP, {
    directory,
    env: {
      REDIS_ENABLED: "true",
      REDIS_HOST: "127.0.0.1",
      REDIS_PORT: `${redis.port}`,
      REDIS_KEY_PREFIX: "shop:eu",
    },
  });
  await ask(serving, 1000);
  const samples = await waitForTotal(serving, 1000);
  for (const worker_id of ["worker_1", "worker_2"]) {
    assertGreater(sumOf(samples, REQUESTS, { worker_id }), 0);
  }
  assertEquals(sumOf(samples, "gunicorn_workers", { state: "running" }), 2);
  assertEquals(samples.get("gunicorn_sidecar_redis_connected"), 1);
  assertEquals(samples.get("gpe_redis_flushing"), 1);
  assertEquals(samples.get('gpe_writers{"state":"live"}'), 3);
  assertEquals(samples.get('gpe_scrape_errors_total{"source":"redis"}'), 0);
  await waitFor(async () =>
    sumOf(await serving.scrape(), "gpe_redis_flushes_total", { result: "ok" }) > 3
  );
  assertGreater(sumOf(await serving.scrape(), "gpe_redis_flush_bytes_total"), 1000);
  assertFalse(samples.has("gunicorn_sidecar_multiproc_files"));
  assertEquals(await namesOf(dir.path), []);
  const keys = await redisKeysIn(redis.port);
  assertGreater(keys.length, 10);
  assertEquals(keys.filter((key) => !key.startsWith("shop:eu:")), []);
});

async function namesOf(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
}

for (const workerClass of ["process", "thread"]) {
  externalTest(
    `gpe serve on Redis loses nothing when it gets SIGTERM, worker class ${workerClass}`,
    ["redis-server"],
    async () => {
      await using redis = await startRedis();
      const flags = ["--redis-url", redis.url, "--worker-class", workerClass];
      {
        await using serving = await startServing(APP, { flags });
        await ask(serving, 200);
        // What was counted last is not in a flush yet.
        assertEquals((await serving.gpe.stop("SIGTERM")).code, 0);
      }
      const samples = await dump(redis.url);
      assertEquals([sumOf(samples, "test_work_total"), sumOf(samples, REQUESTS)], [200, 200]);
      assertFalse(samples.has('gunicorn_workers{"state":"running"}'), "its master is gone");
      await using serving = await startServing(APP, { flags });
      await ask(serving, 3);
      await waitForTotal(serving, 203);
    },
  );

  externalTest(
    `gpe serve on Redis retires a killed worker soon, worker class ${workerClass}`,
    ["redis-server"],
    async () => {
      await using redis = await startRedis();
      await using serving = await startServing(APP, {
        flags: ["--redis-url", redis.url, "--worker-class", workerClass],
      });
      await ask(serving, 100);
      const before = await waitForTotal(serving, 100);
      assertEquals(before.get('gpe_writers{"state":"live"}'), 3);
      const [victim] = await childrenOf(serving.gpe.pid);
      Deno.kill(victim!, "SIGKILL");
      await waitForEnd([victim!]);
      let shown = before;
      await waitFor(async () => {
        shown = await serving.scrape();
        assertEquals(sumOf(shown, "test_work_total"), 100);
        return shown.get('gpe_writers{"state":"live"}') === 3 &&
          shown.get('gpe_writers{"state":"dead"}') === 0 &&
          sumOf(shown, "gunicorn_worker_restart_total", { reason: "signal" }) > 0 &&
          sumOf(shown, "gunicorn_workers", { state: "running" }) === 2;
      }, { what: () => `the dead writer to be retired; there is ${JSON.stringify([...shown])}` });
      const retired = (await redisKeysIn(redis.port)).filter((key) => key.includes("~retired"));
      assertGreater(retired.length, 0);
      await ask(serving, 50);
      await waitForTotal(serving, 150);
    },
  );
}

externalTest(
  "gpe serve on Redis gives workers with few permissions what they need, and no secret",
  [
    "redis-server",
  ],
  async () => {
    await using redis = await startRedis(["--requirepass", "s3cret-word"]);
    await using serving = await startServing(APP, {
      flags: ["--deno-flag=--deny-run", "--log-level", "debug"],
      env: {
        REDIS_ENABLED: "true",
        REDIS_HOST: "127.0.0.1",
        REDIS_PORT: `${redis.port}`,
        REDIS_PASSWORD: "s3cret-word",
      },
    });
    await ask(serving, 20);
    await waitForTotal(serving, 20);
    for (const worker of await childrenOf(serving.gpe.pid)) {
      assertFalse((await Deno.readTextFile(`/proc/${worker}/cmdline`)).includes("s3cret"));
    }
    assertFalse((serving.gpe.stdout + serving.gpe.stderr).includes("s3cret"));
  },
);

externalTest(
  "gpe serve on Redis shares a prefix with other masters",
  ["redis-server"],
  async () => {
    await using redis = await startRedis();
    const flags = ["--redis-url", redis.url];
    await using first = await startServing(APP, { flags });
    const started = await waitFor(async () =>
      (await first.scrape()).get("gunicorn_master_start_time_seconds")
    );
    {
      await using second = await startServing(APP, { flags });
      await ask(first, 40);
      await ask(second, 60);
      for (const serving of [first, second]) {
        await waitForTotal(serving, 100);
        const samples = await waitForWorkers(serving, 4);
        const state = { worker_id: "worker_1", state: "running" };
        assertEquals(sumOf(samples, "gunicorn_worker_state", state), 2);
        assertEquals(samples.get("gunicorn_master_start_time_seconds"), started);
      }
    }
    await waitForTotal(first, 100);
    await waitForWorkers(first, 2);
  },
);

async function waitForWorkers(serving: Serving, wanted: number): Promise<Map<string, number>> {
  return await waitFor(async () => {
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_workers", { state: "running" }) === wanted && samples;
  }, { what: `${wanted} running workers` });
}
