import { assertEquals } from "@std/assert";
import { redisKeys } from "../../../src/storage/redis/keys.ts";
import { createRedisRetirer } from "../../../src/storage/redis/retire.ts";
import { externalTest } from "../../support/externals.ts";
import { openConnection } from "../../support/redis_connection.ts";
import { familyText, handWriter, keysLeft, LIFE_MS, redisPage } from "../../support/redis_data.ts";
import { startRedis } from "../../support/redis_server.ts";
import { DROPPED, FOLDED } from "../../support/retiring.ts";

externalTest(
  "retire() folds what outlives a writer, and removes the rest",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await openConnection(server);
    const keyPrefix = "any:prefix";
    const keys = redisKeys(keyPrefix);
    const writer = handWriter(connection, keyPrefix, "1@host~a");
    for (const type of [...FOLDED, ...DROPPED]) {
      for (let i = 0; i < 3; i++) writer.put(type, i, 0.1 * i, 5);
    }
    await writer.flush();
    await writer.die();
    const before = await redisPage(connection, keyPrefix);
    const options = { connection, keyPrefix, dataLifeMs: LIFE_MS, ttlMs: 300_000 };
    await using retirer = createRedisRetirer(options);
    assertEquals(await retirer.retire({ patient: false }), {
      folded: 1,
      families: FOLDED.length + DROPPED.length,
      busy: false,
      problems: [],
    });
    assertEquals(await redisPage(connection, keyPrefix), before);
    assertEquals(
      [...(await keysLeft(connection, keyPrefix)).keys()],
      [
        ...FOLDED.map((type) => familyText(type, "~retired")).flatMap((
          f,
        ) => [keys.data(f), keys.meta(f)]),
        ...[keys.epoch, keys.families, keys.generation, keys.tombstone(writer.id)],
      ].sort(),
    );
  },
);
