import { assertEquals, assertGreater } from "@std/assert";
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import { markAbsent } from "../../../src/core/absent.ts";
import type { Cell } from "../../../src/core/storage.ts";
import { retireWriters } from "../../../src/storage/filesystem/mod.ts";
import { externalTest } from "../../support/externals.ts";
import { createRandom, randomDoubles } from "../../support/random.ts";
import { openConnection } from "../../support/redis_connection.ts";
import { openRedisWorker, redisPage, retirerOf } from "../../support/redis_retiring.ts";
import { startRedis } from "../../support/redis_server.ts";
import { FOLDED, openWorker, pageOf } from "../../support/retiring.ts";
import { tempDir } from "../../support/temp_dir.ts";

const SPECIAL = [NaN, Infinity, -Infinity, -0, 0, 1.7e308, -1.7e308, 5e-324];

externalTest("retire() makes the pages that retireWriters() makes of the same values", [
  "redis-server",
], async () => {
  await using server = await startRedis();
  await using connection = await openConnection(server);
  let series = 0;
  for (let seed = 1; seed <= 12; seed++) {
    await using temp = await tempDir();
    const directory = temp.path;
    const place = { connection, keyPrefix: `seed${seed}` };
    const random = createRandom(seed);
    const doubles = randomDoubles(10_000, seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    await using retirer = retirerOf(place);
    for (let id = 1; id <= 8; id++) {
      {
        await using file = openWorker(directory, `${id}`, { mapped: false });
        await using redis = openRedisWorker(place, `${id}`);
        const cells: [Cell, Cell][] = [];
        for (let i = 0; i < 30; i++) {
          const type = pick(FOLDED);
          const value = random() < 0.2 ? pick(SPECIAL) : pick(doubles);
          // The times are few, so that some are equal, and some are not set.
          const [item, time] = [Math.floor(random() * 3), Math.floor(random() * 4)];
          for (const worker of [file, redis]) worker.put(type, item, value, time);
          if (type[0] !== "gauge" || random() < 0.9) continue;
          // Series that come and go.
          const key = `["removed", "removed", {"item": "${item}"}, "Help"]`;
          const [kind, mode] = type;
          cells.push([
            file.writer.allocate(kind, mode, key),
            redis.writer.allocate(kind, mode, key),
          ]);
          for (const cell of cells.at(-1)!) markAbsent(cell, mode!);
        }
      }
      if (random() < 0.5) continue;
      assertEquals(await redisPage(place), await pageOf(directory));
      await retireWriters({ directory, primitives: denoFilePrimitives });
      await retirer.retire({ patient: false });
      const page = await redisPage(place);
      assertEquals(page, await pageOf(directory));
      series += Object.keys(page).length;
    }
  }
  assertGreater(series, 500);
});
