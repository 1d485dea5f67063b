import { assertEquals } from "@std/assert";
import { awaitConnection, connectRedis } from "../../../src/storage/redis/connect.ts";
import { clusterPrefix, redisKeys } from "../../../src/storage/redis/keys.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { openRedisWriter } from "../../../src/storage/redis/writer.ts";
import { externalTest } from "../../support/externals.ts";
import { startCluster } from "../../support/redis_cluster.ts";
import { counted, linesOf, PREFIX, sampleKey } from "./_support.ts";

externalTest(
  "openRedisReader() reads everything while a cluster moves the keys",
  ["redis-server"],
  async () => {
    await using cluster = await startCluster();
    const connection = connectRedis({ clusterNodes: cluster.nodes });
    await using counting = counted(connection);
    await awaitConnection(connection);
    const keyPrefix = clusterPrefix(PREFIX);
    const keys = redisKeys(keyPrefix);
    for (let pid = 0; pid < 3; pid++) {
      await using writer = openRedisWriter({
        connection,
        keyPrefix,
        pid,
        host: "host",
        ttlMs: 3_600_000,
      });
      for (let i = 0; i < 8; i++) {
        const cell = writer.allocate("counter", undefined, sampleKey(`metric_${i}`));
        cell.values[cell.index] = pid + i / 8;
      }
    }
    const expected = Array.from({ length: 8 }, (_, i) => `metric_${i} ${3 + 3 * i / 8}`);
    await using reader = openRedisReader({ connection: counting, keyPrefix });
    assertEquals(linesOf(await reader.read()), expected);

    const slot = await cluster.slotOf(keys.epoch);
    const owner = await cluster.ownerOf(slot);
    const migration = await cluster.beginMigration(slot, (owner + 1) % 3);
    do assertEquals(linesOf(await reader.read()), expected); while (
      await migration.moveKeys(15) > 0
    );
    assertEquals(linesOf(await reader.read()), expected);
    await migration.finish();
    assertEquals(linesOf(await reader.read()), expected);

    // The script too, on a storage that is never the same twice.
    const { sources: [source] } = await reader.read();
    let added = 0;
    counting.before = () =>
      connection.send([["SADD", keys.families, `summary:${source!.writer}:${added++}`]]);
    await using late = openRedisReader({ connection: counting, keyPrefix });
    const scripted = await late.read();
    assertEquals(late.stats.roundTrips, 4);
    assertEquals(linesOf(scripted), expected);
    assertEquals(scripted.writers, { live: 0, dead: 3, unknown: 0 });
  },
);
