/** Users that lack a right in the middle of a script: nothing is done in halves. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connectRedis } from "../../../src/storage/redis/connect.ts";
import { awaitConnection } from "../../../src/storage/redis/connect.ts";
import { createRedisRetirer } from "../../../src/storage/redis/retire.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { openRedisWriter, type RedisWriter } from "../../../src/storage/redis/writer.ts";
import type { RedisConnection } from "../../../src/storage/redis/connection.ts";
import { externalTest } from "../../support/externals.ts";
import { testRedis } from "../../support/redis_client.ts";
import { startRedis } from "../../support/redis_server.ts";
import { linesOf, PREFIX, sampleKey } from "./_support.ts";

const NAMES = ["a_total", "b_total", "c_total"];
const LINES = NAMES.map((name) => `${name} 7`);

/** A user that may do all but one thing. */
async function connectWithout(port: number, command: string): Promise<RedisConnection> {
  await using admin = testRedis(port);
  await admin.call("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", `-${command}`);
  const connection = connectRedis({ host: "127.0.0.1", port, username: "app", password: "secret" });
  await awaitConnection(connection);
  return connection;
}

/** A writer of three counters. */
function openWriter(
  connection: RedisConnection,
  onProblem: (text: string) => void = () => {},
): RedisWriter {
  const writer = openRedisWriter({
    connection,
    keyPrefix: PREFIX,
    pid: 1,
    host: "host",
    ttlMs: 300_000,
    flushIntervalMs: 2 ** 30,
    onProblem: ({ message }) => onProblem(message),
  });
  for (const name of NAMES) {
    const { values, index } = writer.allocate("counter", undefined, sampleKey(name));
    values[index] = 7;
  }
  return writer;
}

async function readLines(connection: RedisConnection): Promise<string[]> {
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  return linesOf(await reader.read());
}

for (const command of ["pexpire", "hset", "sadd"]) {
  externalTest(
    `flush() writes all when it gets the right to ${command}`,
    ["redis-server"],
    async () => {
      await using redis = await startRedis();
      await using admin = testRedis(redis.port);
      await using connection = await connectWithout(redis.port, command);
      await using writer = openWriter(connection);
      for (let i = 0; i < 3; i++) await writer.flush();
      assertEquals(writer.flushed, false);
      assertStringIncludes(connection.problem ?? "", "the user may not do this");
      await admin.call("ACL", "SETUSER", "app", `+${command}`);
      await writer.flush();
      assert(writer.flushed);
      assertEquals(await readLines(connection), LINES);
    },
  );
}

for (const command of ["hset", "hdel", "del", "sadd", "srem", "pexpire", "incr"]) {
  externalTest(`retire() leaves totals as they are without the right to ${command}`, [
    "redis-server",
  ], async () => {
    await using redis = await startRedis();
    await using admin = connectRedis({ host: "127.0.0.1", port: redis.port });
    await awaitConnection(admin);
    await openWriter(admin)[Symbol.asyncDispose]();
    await using connection = await connectWithout(redis.port, command);
    await using retirer = createRedisRetirer({
      connection,
      keyPrefix: PREFIX,
      dataLifeMs: 24 * 3600_000,
      ttlMs: 300_000,
    });
    for (let i = 0; i < 3; i++) {
      await retirer.retire({ patient: false }).catch(() => {}); // or it says so in its result
      assertEquals(await readLines(admin), LINES);
    }
  });
}
