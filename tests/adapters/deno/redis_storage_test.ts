import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { aggregate, openStorage, StorageError } from "../../../mod.ts";
import { externalTest } from "../../support/externals.ts";
import { freePort } from "../../support/free_port.ts";
import { startRedis } from "../../support/redis_server.ts";
import { spawn } from "../../support/spawn.ts";

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

Deno.test("openStorage() refuses two storages", () => {
  const options = { directory: "/tmp/nowhere", redis: { host: "127.0.0.1" } };
  assertThrows(() => openStorage(options), TypeError, "expected one");
});

Deno.test("aggregate() says why Redis cannot be read", async () => {
  const redis = { host: "127.0.0.1", port: freePort() };
  await assertRejects(() => aggregate({ redis }), StorageError, "nobody listens there");
});
