/** Users with no more rights than the documentation names, beyond what the driver's suite needs. */
import { assertEquals } from "@std/assert";
import type { RedisOptions } from "../../../src/storage/redis/options.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { redisPrefix } from "../../../src/storage/redis/options.ts";
import { awaitConnection, connectRedis } from "../../../src/storage/redis/connect.ts";
import { openRedisWriter } from "../../../src/storage/redis/writer.ts";
import { externalTest } from "../../support/externals.ts";
import { startCluster } from "../../support/redis_cluster.ts";
import { testRedis } from "../../support/redis_client.ts";
import { LEAST_RIGHTS, PASSWORD } from "../../support/redis_rights.ts";
import { startRedis } from "../../support/redis_server.ts";
import { linesOf, sampleKey } from "./_support.ts";

const USER = { username: "gpe", password: PASSWORD };

async function createUser(port: number, ...rights: readonly string[]): Promise<void> {
  await using admin = testRedis(port);
  await admin.call("ACL", "SETUSER", "gpe", ...rights);
}

/** Writes a counter and reads it. */
async function assertWorks(options: RedisOptions): Promise<void> {
  await using connection = connectRedis({ ...options, ...USER });
  await awaitConnection(connection);
  const keyPrefix = redisPrefix(options);
  const problems: string[] = [];
  await using writer = openRedisWriter({
    connection,
    keyPrefix,
    pid: 1,
    host: "host",
    ttlMs: 300_000,
    onProblem: ({ message }) => problems.push(message),
  });
  const { values, index } = writer.allocate("counter", undefined, sampleKey("x_total"));
  values[index] = 7;
  await writer.flush();
  await using reader = openRedisReader({ connection, keyPrefix });
  const snapshot = await reader.read();
  assertEquals([snapshot.problems, problems], [[], []]);
  assertEquals(linesOf(snapshot), ["x_total 7"]);
}

externalTest("another database takes +select", ["redis-server"], async () => {
  await using redis = await startRedis();
  await createUser(redis.port, ...LEAST_RIGHTS, "+select");
  await assertWorks({ host: "127.0.0.1", port: redis.port, db: 3 });
});

externalTest(
  "a cluster takes +ping, +cluster|slots and the hash tag",
  ["redis-server"],
  async () => {
    await using cluster = await startCluster();
    const rights = LEAST_RIGHTS.map((right) => right.replace("~gunicorn:", "~{gunicorn}:"));
    for (const { port } of cluster.servers) {
      await createUser(port, ...rights, "+ping", "+cluster|slots");
    }
    await assertWorks({ clusterNodes: cluster.nodes });
  },
);
