import type { StorageWriter } from "../../../src/core/storage.ts";
import type { RedisConnection } from "../../../src/storage/redis/connection.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { openRedisWriter } from "../../../src/storage/redis/writer.ts";
import { type DriverHarness, runDriverSuite } from "../../conformance/driver_suite.ts";
import { externals, externalTest } from "../../support/externals.ts";
import { LEAST_RIGHTS, PASSWORD } from "../../support/redis_rights.ts";
import { startRedis } from "../../support/redis_server.ts";
import { connect, counted, type CountedConnection, KEYS, PREFIX } from "./_support.ts";

if (externals["redis-server"] === undefined) {
  externalTest("Redis driver: all of the suite", ["redis-server"], () => {});
} else {
  runDriverSuite("Redis", () => openHarness(false));
  runDriverSuite("Redis (least rights)", () => openHarness(true));
}

async function openHarness(leastRights: boolean): Promise<DriverHarness> {
  await using stack = new AsyncDisposableStack();
  const { port } = stack.use(await startRedis());
  const admin = stack.use(await connect(port));
  let connection: RedisConnection = admin;
  if (leastRights) {
    for (const reply of await admin.send([["ACL", "SETUSER", "app", ...LEAST_RIGHTS]])) {
      if (reply instanceof Error) throw reply;
    }
    connection = stack.use(await connect(port, { username: "app", password: PASSWORD }));
  }
  /** Each writer's own way to the server, so that it can be cut. */
  const ways = new Map<StorageWriter, CountedConnection>();
  let opened = 0;
  const moved = stack.move();
  return {
    makesIds: true,
    unordered: true,
    openWriter(id) {
      const way = counted(connection);
      const writer = openRedisWriter({
        connection: way,
        keyPrefix: PREFIX,
        pid: parseInt(id),
        host: "host",
        incarnation: `${id}x${opened++}`,
        ttlMs: 300_000,
        closeTimeoutMs: 1,
      });
      ways.set(writer, way);
      return writer;
    },
    openReader: () => openRedisReader({ connection, keyPrefix: PREFIX }),
    async kill(writer) {
      ways.get(writer)!.before = () => Promise.reject(new Error("the process is gone"));
      // It is never renewed, so it goes by itself.
      await admin.send([["DEL", KEYS.alive(writer.writer)]]);
    },
    async [Symbol.asyncDispose]() {
      for (const writer of ways.keys()) await writer[Symbol.asyncDispose]();
      await moved.disposeAsync();
    },
  };
}
