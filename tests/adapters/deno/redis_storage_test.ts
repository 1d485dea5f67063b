import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { aggregate, openStorage, StorageError } from "../../../mod.ts";
import { awaitConnection, connectRedis } from "../../../src/storage/redis/connect.ts";
import { redisKeys } from "../../../src/storage/redis/keys.ts";
import type { RedisOptions } from "../../../src/storage/redis/options.ts";
import { openRedisWriter } from "../../../src/storage/redis/writer.ts";
import { externalTest } from "../../support/externals.ts";
import { freePort } from "../../support/free_port.ts";
import { testRedis } from "../../support/redis_client.ts";
import { startRedis } from "../../support/redis_server.ts";
import { spawn } from "../../support/spawn.ts";
import { waitFor } from "../../support/wait_for.ts";

const PROGRAM = new URL("./programs/count_on_redis.ts", import.meta.url).pathname;

for (const how of ["options", "environment", "client"] as const) {
  externalTest(`openStorage() on Redis counts, and its endpoint follows, by ${how}`, [
    "redis-server",
  ], async () => {
    await using redis = await startRedis();
    const net = `--allow-net=127.0.0.1:${redis.port}`;
    // A client of npm:ioredis reads variables for its debug log when it is loaded eagerly.
    const flags = how === "options" ? [net] : [net, "--allow-env"];
    const run = async (): Promise<Record<string, unknown>> => {
      await using program = spawn(
        Deno.execPath(),
        ["run", "--no-prompt", ...flags, PROGRAM, how, `${redis.port}`],
        {
          env: how !== "environment" ? {} : {
            REDIS_ENABLED: "true",
            REDIS_HOST: "127.0.0.1",
            REDIS_PORT: `${redis.port}`,
            REDIS_KEY_PREFIX: "library",
          },
        },
      );
      const { code } = await program.status;
      assertEquals([code, program.stderr], [0, ""]);
      return JSON.parse(program.stdout);
    };
    const first = await run();
    assertEquals({ ...first, writer: "" }, {
      status: 200,
      writer: "",
      connected: true,
      own: "2.5",
      all: "2.5",
    });
    assertMatch(String(first.writer), /^\d+@\S+~[0-9a-f]{12}$/);
    assertEquals((await run()).all, "5");
  });
}

externalTest("openStorage() on Redis retires writers that died, and keeps their totals", [
  "redis-server",
], async () => {
  await using redis = await startRedis();
  await using client = testRedis(redis.port);
  const options: RedisOptions = { host: "127.0.0.1", port: redis.port, keyPrefix: "retiring" };
  const keys = redisKeys("retiring");
  await using connection = connectRedis(options);
  const dead = openRedisWriter({
    ...{ connection, keyPrefix: "retiring", pid: 1, host: "gone", ttlMs: 60_000 },
  });
  const cell = dead.allocate("counter", undefined, '["jobs", "jobs_total", {}, "Jobs"]');
  cell.values[cell.index] = 0.1;
  await awaitConnection(connection);
  await dead[Symbol.asyncDispose]();
  await using _opened = openStorage({ redis: { ...options, ttlSeconds: 1.005 } });
  await waitFor(async () => await client.call("HEXISTS", keys.writers, dead.writer) === 0);
  assertStringIncludes(await aggregate(), "jobs_total 0.1\n");
});

Deno.test("openStorage() refuses two storages", () => {
  const options = { directory: "/tmp/nowhere", redis: { host: "127.0.0.1" } };
  assertThrows(() => openStorage(options), TypeError, "expected one");
});

Deno.test("aggregate() says why Redis cannot be read", async () => {
  const redis = { host: "127.0.0.1", port: freePort() };
  await assertRejects(() => aggregate({ redis }), StorageError, "nobody listens there");
});
