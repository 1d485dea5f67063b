import { assertEquals, assertGreater } from "@std/assert";
import type { StorageWriter } from "../../../src/core/storage.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { removeAllRedis } from "../../../src/storage/redis/remove_all.ts";
import { createRedisRetirer } from "../../../src/storage/redis/retire.ts";
import { openRedisWriter } from "../../../src/storage/redis/writer.ts";
import { type DriverHarness, runDriverSuite } from "../../conformance/driver_suite.ts";
import { externals, externalTest } from "../../support/externals.ts";
import { LEAST_RIGHTS, PASSWORD } from "../../support/redis_rights.ts";
import { startRedis } from "../../support/redis_server.ts";
import {
  connect,
  counted,
  type CountedConnection,
  KEYS,
  linesOf,
  PREFIX,
  sampleKey,
} from "./_support.ts";

if (externals["redis-server"] === undefined) {
  externalTest("Redis driver: all of the suite", ["redis-server"], () => {});
} else {
  runDriverSuite("Redis", () => openHarness(false));
  runDriverSuite("Redis (least rights)", () => openHarness(true));
}

externalTest(
  "Redis (least rights): retires, reads what Python stored, removes all",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using admin = await connect(server.port);
    await using connection = await connectWithLeastRights(admin, server.port, "+scan");
    const own = { connection, keyPrefix: PREFIX, ttlMs: 300_000, dataLifeMs: 0 };
    for (const [pid, incarnation] of ["first", "second"].entries()) {
      await using writer = openRedisWriter({ ...own, pid, host: "host", incarnation });
      for (const mode of [undefined, "all", "liveall"] as const) {
        const kind = mode === undefined ? "counter" : "gauge";
        const cell = writer.allocate(kind, mode, sampleKey(mode ?? "x"));
        cell.values[cell.index] = 0.1;
      }
    }
    const python = `${PREFIX}:counter:1`;
    await admin.send([
      ["HSET", `${python}:metric:a`, "value", "2.0", "timestamp", "0.0"],
      ["HSET", `${python}:meta:a`, "original_key", sampleKey("y_total")],
    ]);
    await using retirer = createRedisRetirer(own);
    retirer.declareDead("first");
    const { folded, problems } = await retirer.retire({ patient: false });
    assertEquals([folded, problems], [2, []]);
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX, python: true });
    const snapshot = await reader.read();
    assertEquals(linesOf(snapshot), [
      'all{pid="0@host~first"} 0.1',
      'all{pid="1@host~second"} 0.1',
      "x 0.2",
      "y_total 2",
    ]);
    assertEquals(snapshot.problems, []);
    assertGreater(await removeAllRedis({ connection, keyPrefix: PREFIX }), 0);
    assertEquals(linesOf(await reader.read()), ["y_total 2"]);
  },
);

/** Makes a user who may do what the documentation says, and nothing else. */
async function connectWithLeastRights(
  admin: CountedConnection,
  port: number,
  ...more: readonly string[]
): Promise<CountedConnection> {
  const rules = [...LEAST_RIGHTS, ...more];
  for (const reply of await admin.send([["ACL", "SETUSER", "app", ...rules]])) {
    if (reply instanceof Error) throw reply;
  }
  return await connect(port, { username: "app", password: PASSWORD });
}

async function openHarness(leastRights: boolean): Promise<DriverHarness> {
  await using stack = new AsyncDisposableStack();
  const { port } = stack.use(await startRedis());
  const admin = stack.use(await connect(port));
  const connection = leastRights ? stack.use(await connectWithLeastRights(admin, port)) : admin;
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
