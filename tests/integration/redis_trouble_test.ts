import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { freePort } from "../support/free_port.ts";
import { redisCommands } from "./redis_serving.ts";
import { type RedisServer, startRedis } from "../support/redis_server.ts";
import { runGpe } from "../support/spawn.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  repeat,
  requestOnce,
  startServing,
  waitForEnd,
} from "./serving.ts";

const APP = checkoutPath("tests/fixtures/apps/increments.ts");

externalTest("gpe serve starts without Redis, and its totals are exact when Redis comes", [
  "redis-server",
], async () => {
  await using redis = await startRedis();
  await redis.kill();
  await using serving = await startServing(APP, { flags: ["--redis-url", redis.url] });
  await repeat(50, 8, async () => assert(await requestOnce(`${serving.app}/`)));
  const down = await serving.scrape();
  assertEquals(down.get("gunicorn_sidecar_redis_connected"), 0);
  assertEquals(down.get("gpe_redis_flushing"), 0);
  assertEquals(down.get('gpe_scrape_errors_total{"source":"redis"}'), 1);
  const ready = await fetch(new URL("/readyz", serving.metrics));
  assertEquals(ready.status, 503);
  assertMatch(await ready.text(), /^Not ready: Cannot .* Redis/);
  await redis.start();
  await waitFor(async () => {
    const up = await serving.scrape();
    return up.get("gunicorn_sidecar_redis_connected") === 1 &&
      up.get("gpe_redis_flushing") === 1 && sumOf(up, "test_work_total") === 50;
  });
  assertEquals(problemsIn(serving.gpe.stderr).length, 1, serving.gpe.stderr);
});

externalTest("gpe serve goes on when Redis goes away with its data", ["redis-server"], async () => {
  await using redis = await startRedis();
  await using serving = await startServing(APP, { flags: ["--redis-url", redis.url] });
  await repeat(30, 8, async () => assert(await requestOnce(`${serving.app}/`)));
  await waitFor(async () => sumOf(await serving.scrape(), "test_work_total") === 30);
  await redis.kill();
  await repeat(30, 8, async () => assert(await requestOnce(`${serving.app}/`)));
  await waitFor(async () => {
    const down = await serving.scrape();
    return down.get("gunicorn_sidecar_redis_connected") === 0 &&
      down.get("gpe_redis_flushing") === 0;
  });
  await redis.start();
  await waitFor(async () => {
    const up = await serving.scrape();
    return sumOf(up, "test_work_total") === 60 &&
      sumOf(up, "gpe_redis_flushes_total", { result: "failed" }) > 0;
  });
  await serving.gpe.waitForOutput(/Redis at .* works again/);
});

externalTest("gpe serve ends soon when it gets SIGTERM while Redis does not answer", [
  "redis-server",
], async () => {
  await using redis = await startRedis();
  await using serving = await startServing(APP, { flags: ["--redis-url", redis.url] });
  await repeat(30, 8, async () => assert(await requestOnce(`${serving.app}/`)));
  await waitFor(async () => sumOf(await serving.scrape(), "test_work_total") === 30);
  const children = await childrenOf(serving.gpe.pid);
  // It keeps connections and accepts new ones, and says nothing.
  Deno.kill(redis.pid, "SIGSTOP");
  try {
    assert(await requestOnce(`${serving.app}/`));
    // Far below the graceful timeout, after which workers are killed.
    assertEquals((await serving.gpe.stop("SIGTERM", 25_000)).code, 0);
    await waitForEnd(children);
    assertFalse(/Killing|SIGKILL/.test(serving.gpe.stderr), serving.gpe.stderr);
  } finally {
    Deno.kill(redis.pid, "SIGCONT");
  }
});

externalTest("gpe serve serves the app and says it once when the server is too old", [
  "redis-server",
], async () => {
  await using redis = await startRedis();
  await using proxy = startTcpProxy(redis.port);
  proxy.rewrite = (text) =>
    text.replace(
      /(redis_version:)[\d.]+/,
      (all, name) => name + "4.0.14".padEnd(all.length - name.length, "0"),
    );
  const url = `redis://127.0.0.1:${proxy.port}`;
  await using serving = await startServing(APP, { flags: ["--redis-url", url] });
  assert(await requestOnce(`${serving.app}/`));
  await serving.gpe.waitForOutput(/its version is "4\.0\.14/);
  const samples = await serving.scrape();
  assertEquals(samples.get("gunicorn_sidecar_redis_connected"), 0);
  assertEquals(samples.get("gpe_redis_flushing"), 0);
  assertEquals(problemsIn(serving.gpe.stderr).length, 1, serving.gpe.stderr);
});

/** What can be wrong with a server. */
interface Trouble {
  readonly name: string;
  /** Arguments of the server. */
  readonly server?: readonly string[];
  /** Prepares it. */
  readonly prepare?: (redis: RedisServer) => Promise<unknown>;
  /** The variables of `gpe serve` beside host and port. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the log says. */
  readonly says: RegExp;
  /** Whether reading goes well: it is writing that does not. */
  readonly reads: boolean;
}

const TROUBLES: readonly Trouble[] = [
  {
    name: "the password is wrong",
    server: ["--requirepass", "right"],
    env: { REDIS_PASSWORD: "s3cret-word" },
    says: /the user or password is wrong/,
    reads: false,
  },
  {
    name: "there is no such host",
    env: { REDIS_HOST: "no-such-host.invalid" },
    says: /the host name is not known|cannot be looked up/,
    reads: false,
  },
  {
    name: "there is no such database",
    env: { REDIS_DB: "99" },
    says: /there is no such database/,
    reads: false,
  },
  {
    name: "the server is a read-only replica",
    prepare: (redis) => redisCommands(redis.port, ["REPLICAOF", "127.0.0.1", `${freePort()}`]),
    says: /the server is a read-only replica/,
    reads: true,
  },
  {
    name: "its memory is used up",
    prepare: (redis) => redisCommands(redis.port, ["CONFIG", "SET", "maxmemory", "1"]),
    says: /its memory is used up/,
    reads: true,
  },
];

for (const { name, server, prepare, env, says, reads } of TROUBLES) {
  externalTest(
    `gpe serve serves the app and says it once when ${name}`,
    ["redis-server"],
    async () => {
      await using redis = await startRedis(server);
      await prepare?.(redis);
      await using serving = await startServing(APP, {
        env: {
          REDIS_ENABLED: "true",
          REDIS_HOST: "127.0.0.1",
          REDIS_PORT: `${redis.port}`,
          ...env,
        },
      });
      await repeat(20, 4, async () => assert(await requestOnce(`${serving.app}/`)));
      await serving.gpe.waitForOutput(says);
      const samples = await waitFor(async () => {
        const samples = await serving.scrape();
        return samples.get("gunicorn_sidecar_redis_connected") === Number(reads) && samples;
      });
      assertEquals(samples.get("gpe_redis_flushing"), 0);
      assertFalse(samples.has("test_work_total"));
      assertEquals((await serving.gpe.stop()).code, 0);
      assertEquals(problemsIn(serving.gpe.stderr).length, 1, serving.gpe.stderr);
      assertFalse(serving.gpe.stderr.includes("s3cret-word"), serving.gpe.stderr);
    },
  );
}

function problemsIn(stderr: string): string[] {
  return stderr.split("\n").filter((line) => / (warn|error) /.test(line));
}

Deno.test("gpe dump and clean say in one line that Redis is not there", async () => {
  const url = `redis://:s3cret-word@127.0.0.1:${freePort()}`;
  for (const args of [["dump"], ["clean"], ["clean", "--all"]]) {
    const { code, stdout, stderr } = await runGpe([...args, "--redis-url", url]);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^[^\n]*Cannot connect to Redis at "127\.0\.0\.1:\d+\/0"[^\n]*\n$/);
    assertFalse(stderr.includes("s3cret-word"));
  }
});
