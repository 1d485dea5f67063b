import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { type RedisServer, startRedis } from "../support/redis_server.ts";
import { liveAndDie, openWorker } from "../support/retiring.ts";
import { runGpe, type Spawned, spawnGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { redisCommands, redisKeysIn } from "./redis_serving.ts";
import { checkoutPath, repeat, requestOnce, scrapePage, startServing } from "./serving.ts";

const APP = checkoutPath("tests/fixtures/apps/increments.ts");

/** Counts requests on a service that then ends, so that there are totals of writers that are gone. */
async function serveAndStop(redis: RedisServer, requests: number): Promise<void> {
  await using serving = await startServing(APP, { flags: ["--redis-url", redis.url] });
  await repeat(requests, 8, async () => assert(await requestOnce(`${serving.app}/`)));
}

function startExporter(args: readonly string[], env: Record<string, string> = {}): Spawned {
  const local = ["--metrics-bind", "127.0.0.1", "--metrics-port", "0"];
  return spawnGpe(["exporter", ...local, ...args], { env });
}

async function urlOf(exporter: Spawned): Promise<string> {
  return (await exporter.waitForOutput(/http:\/\/127\.0\.0\.1:\d+\/metrics/))[0];
}

externalTest("gpe exporter shows and retires what is in Redis", ["redis-server"], async () => {
  await using redis = await startRedis();
  await serveAndStop(redis, 40);
  // Writers may come back within a third of that before anybody is taken for dead.
  await using exporter = startExporter(["--redis-url", redis.url], { REDIS_TTL_SECONDS: "3" });
  const url = await urlOf(exporter);
  let page = new Map<string, number>();
  await waitFor(async () => {
    page = await scrapePage(url);
    assertEquals(sumOf(page, "test_work_total"), 40);
    return page.get('gpe_writers{"state":"dead"}') === 0;
  }, { what: () => `all writers to be retired; there is ${JSON.stringify([...page])}` });
  assertEquals(page.get("gunicorn_sidecar_redis_connected"), 1);
  assertEquals(page.has("gpe_redis_flushing"), false, "it writes nothing");
  assertEquals(page.has("gunicorn_sidecar_multiproc_files"), false);
  const keys = await redisKeysIn(redis.port);
  assertEquals(keys.filter((key) => /:metric:/.test(key) && !/~retired/.test(key)), []);
});

externalTest("gpe exporter shows a directory and Redis on one page", ["redis-server"], async () => {
  await using redis = await startRedis();
  await serveAndStop(redis, 40);
  await using dir = await tempDir();
  const directory = `${dir.path}/metrics`;
  await using exporter = startExporter([], {
    REDIS_ENABLED: "true",
    REDIS_HOST: "127.0.0.1",
    REDIS_PORT: `${redis.port}`,
    PROMETHEUS_MULTIPROC_DIR: directory,
  });
  const url = await urlOf(exporter);
  const missing = await scrapePage(url);
  assertEquals(sumOf(missing, "test_work_total"), 40);
  assertEquals(missing.get('gpe_scrape_errors_total{"source":"storage"}'), 0);
  assertEquals(missing.get("gunicorn_sidecar_multiproc_files"), 0);

  await using worker = openWorker(directory, "1");
  const cell = worker.writer.allocate("counter", undefined, keyOfWork());
  cell.values[cell.index] = 2.5;
  await worker.writer.flush();
  const both = await scrapePage(url);
  assertEquals(sumOf(both, "test_work_total"), 42.5);
  assertEquals(both.get("gunicorn_sidecar_redis_connected"), 1);

  await redis.kill();
  cell.values[cell.index] = 3;
  await worker.writer.flush();
  const without = await waitFor(async () => {
    const page = await scrapePage(url);
    return page.get("gunicorn_sidecar_redis_connected") === 0 && page;
  });
  // What Redis had is not forgotten while it is away: no total falls.
  assertEquals(sumOf(without, "test_work_total"), 43);
  assertEquals(without.get('gpe_scrape_errors_total{"source":"redis"}'), 1);
});

/** As the application in Redis writes it. */
function keyOfWork(): string {
  return JSON.stringify(["test_work_total", "test_work_total", {}, "Requests."])
    .replaceAll(",", ", ");
}

externalTest("gpe clean on Redis keeps the totals, and --all removes them", [
  "redis-server",
], async () => {
  await using redis = await startRedis();
  await serveAndStop(redis, 15);
  await redisCommands(redis.port, ["SET", "another:key", "stays"]);
  const args = ["--redis-url", redis.url];
  const cleaned = await runGpe(["clean", ...args]);
  assertEquals([cleaned.code, cleaned.stderr.match(/ (warn|error) /)], [0, null]);
  assertMatch(cleaned.stdout, /^Retired writers: 3, removed keys: \d\d+\n$/);
  const { stdout } = await runGpe(["dump", ...args]);
  assertEquals(sumOf(parseExposition(stdout), "test_work_total"), 15);
  {
    await using _serving = await startServing(APP, { flags: args });
    await waitFor(async () => (await redisKeysIn(redis.port)).some((key) => /:alive:/.test(key)));
    const refused = await runGpe(["clean", "--all", ...args]);
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertMatch(refused.stderr, /^gpe: Cannot remove all keys of "gunicorn": writers live: .*\n$/);
  }
  const removed = await runGpe(["clean", "--all", ...args]);
  assertEquals([removed.code, removed.stderr], [0, ""]);
  assertMatch(removed.stdout, /^Removed keys: \d+\n$/);
  const keys = await redisKeysIn(redis.port);
  assertEquals(keys.filter((key) => !/:tombstone:|:lease$/.test(key)), ["another:key"]);
});

externalTest("gpe dump --redis-python shows what Python's exporter has written", [
  "redis-server",
], async () => {
  await using redis = await startRedis();
  const hash = "0123456789abcdef0123456789abcdef";
  const original = '["jobs", "jobs_total", {"q": "x"}, "Jobs done"]';
  for (const [pid, value] of [["11", "3.0"], ["12", "5.0"]] as const) {
    const key = (part: string): string => `gunicorn:counter:${pid}:${part}:${hash}`;
    await redisCommands(
      redis.port,
      ["HSET", key("metric"), "value", value, "timestamp", "0.0", "updated_at", "1.0"],
      ["HSET", key("meta"), "multiprocess_mode", "all", "typ", "counter", "original_key", original],
    );
  }
  const args = ["dump", "--redis-url", redis.url];
  assertEquals((await runGpe(args)).stdout, "");
  const { stdout } = await runGpe([...args, "--redis-python"]);
  assertEquals(parseExposition(stdout).get('jobs_total{"q":"x"}'), 8);
});

externalTest("gpe clean retires in Redis and in a directory that was given", [
  "redis-server",
], async () => {
  await using redis = await startRedis();
  await serveAndStop(redis, 1);
  await using dir = await tempDir();
  await liveAndDie(dir.path, "1", [1]);
  const { code, stdout } = await runGpe(["clean", "--redis-url", redis.url, "--dir", dir.path]);
  assertEquals(code, 0);
  assertMatch(
    stdout,
    /^Retired writers: 3, removed keys: \d+\nRetired writers: 1, removed files: \d+\n$/,
  );
});
