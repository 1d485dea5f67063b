import { assertEquals } from "@std/assert";
import { createRedisRetirer } from "../../../src/storage/redis/retire.ts";
import { externalTest } from "../../support/externals.ts";
import { openConnection } from "../../support/redis_connection.ts";
import { handWriter, keysLeft, LIFE_MS, redisPage } from "../../support/redis_data.ts";
import { startRedis } from "../../support/redis_server.ts";
import { DROPPED, FOLDED } from "../../support/retiring.ts";

externalTest("retire() folds", ["redis-server"], async () => {
  await using server = await startRedis();
  await using connection = await openConnection(server);
  const prefix = "a:b";
  const w = handWriter(connection, prefix, "1@h~a");
  for (const type of [...FOLDED, ...DROPPED]) for (let i = 0; i < 3; i++) w.put(type, i, 0.1, 5);
  await w.flush();
  const before = await redisPage(connection, prefix);
  console.log(Object.keys(before).length);
  await w.die();
  const dead = await redisPage(connection, prefix);
  await using retirer = createRedisRetirer({
    connection,
    keyPrefix: prefix,
    dataLifeMs: LIFE_MS,
    ttlMs: 300_000,
  });
  console.log(await retirer.retire({ patient: false }));
  assertEquals(await redisPage(connection, prefix), dead);
  console.log(await keysLeft(connection, prefix));
});
