import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import { expectReplies } from "../../../src/storage/redis/connection.ts";
import { redisKeys } from "../../../src/storage/redis/keys.ts";
import { removeAllRedis } from "../../../src/storage/redis/mod.ts";
import { externalTest } from "../../support/externals.ts";
import { openConnection } from "../../support/redis_connection.ts";
import {
  ask,
  intercepted,
  keysLeft,
  openRedisWorker,
  type Place,
  redisPage,
  retirerOf,
} from "../../support/redis_retiring.ts";
import { startRedis } from "../../support/redis_server.ts";
import { COUNTER, FOLDED, type Type } from "../../support/retiring.ts";

const keyPrefix = "gunicorn";
const keys = redisKeys(keyPrefix);
const ALL: Type = ["gauge", "all"];

function removeTest(title: string, run: (place: Place) => Promise<void>): void {
  externalTest(title, ["redis-server"], async () => {
    await using server = await startRedis();
    await using connection = await openConnection(server);
    await run({ connection, keyPrefix });
  });
}

async function liveAndDie(place: Place, incarnation: string, types = FOLDED): Promise<void> {
  await using worker = openRedisWorker(place, incarnation);
  for (const type of types) worker.put(type, 0, 1, 1);
}

removeTest("removeAllRedis() removes all keys of ours, and no others", async (place) => {
  const { connection } = place;
  await liveAndDie(place, "a", [...FOLDED, ALL]);
  await using retirer = retirerOf(place);
  await retirer.retire({ patient: false });
  await liveAndDie(place, "b");
  const own = (await keysLeft(place)).size;
  const others = [
    "gunicorn:counter:15457:metric:0123456789abcdef0123456789abcdef", // as of Python's exporter
    "gunicorn:counter:15457:meta:0123456789abcdef0123456789abcdef",
    "gunicorn:mine",
    "other:gpe:writers",
  ];
  expectReplies(await connection.send(others.map((key) => ["SET", key, "1"])));
  await ask(connection, "SADD", keys.families, "mine");
  assertEquals(await removeAllRedis(place), own);
  assertEquals((await ask(connection, "KEYS", "*") as string[]).sort(), others.sort());
  assertEquals(await removeAllRedis(place), 0);
});

removeTest("removeAllRedis() refuses while a writer lives, and names it", async (place) => {
  await liveAndDie(place, "dead");
  await using worker = openRedisWorker(place, "live");
  worker.put(COUNTER, 0, 1);
  await worker.flush();
  const before = [...(await keysLeft(place)).keys()];
  const error = await assertRejects(() => removeAllRedis(place), StorageError);
  assertEquals(
    error.message,
    'Cannot remove all keys of "gunicorn": writers live: 7@host~live, expected no writer that lives',
  );
  assertEquals([...(await keysLeft(place)).keys()], before);
});

removeTest("removeAllRedis() removes nothing when a writer comes meanwhile", async (place) => {
  await liveAndDie(place, "dead");
  await using worker = openRedisWorker(place, "new");
  worker.put(COUNTER, 0, 1);
  const connection = intercepted(place.connection, async (_step, name, call) => {
    if (name === "remove all") await worker.flush();
    return await call();
  });
  const error = await assertRejects(() => removeAllRedis({ ...place, connection }), StorageError);
  assertStringIncludes(error.message, "a writer has come meanwhile");
  assertEquals((await redisPage(place))['counter_total{item="0"}'], 2);
});

removeTest("removeAllRedis() refuses while somebody retires", async (place) => {
  await ask(place.connection, "SET", keys.lease, "other", "PX", "60000");
  const error = await assertRejects(() => removeAllRedis(place), StorageError);
  assertStringIncludes(error.message, "another process retires writers");
  await ask(place.connection, "SET", keys.lease, "other");
  const lasting = await assertRejects(() => removeAllRedis(place), StorageError);
  assertStringIncludes(lasting.message, '"gunicorn:gpe:lease" never expires');
});

removeTest("removeAllRedis() makes a writer that comes back begin anew", async (place) => {
  await using worker = openRedisWorker(place, "a");
  worker.put(COUNTER, 0, 0.1);
  await worker.flush();
  await ask(place.connection, "DEL", keys.alive(worker.writer.writer));
  await removeAllRedis(place);
  worker.put(COUNTER, 0, 0.2);
  await worker.flush();
  assertEquals(await redisPage(place), { 'counter_total{item="0"}': 0.1 + 0.2 });
});
