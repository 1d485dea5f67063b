/** Writers that come back after they were retired: every total stays exact. */
import { assertEquals, assertGreater, assertStrictEquals } from "@std/assert";
import { ExactSum } from "../../../src/core/exact_sum.ts";
import { redisKeys } from "../../../src/storage/redis/keys.ts";
import { openRedisReader } from "../../../src/storage/redis/mod.ts";
import { externalTest } from "../../support/externals.ts";
import { createRandom, randomDoubles } from "../../support/random.ts";
import { openConnection } from "../../support/redis_connection.ts";
import {
  ask,
  intercepted,
  openRedisWorker,
  type Place,
  redisPage,
  type RedisWorker,
  retirerOf,
} from "../../support/redis_retiring.ts";
import { startRedis } from "../../support/redis_server.ts";
import { readPage, type Type } from "../../support/retiring.ts";

const NOW = { patient: false };
const keyPrefix = "gunicorn";
const keys = redisKeys(keyPrefix);
const SUMS: readonly Type[] = [["counter"], ["histogram"], ["gauge", "sum"]];

function fencingTest(title: string, run: (place: Place) => Promise<void>): void {
  externalTest(title, ["redis-server"], async () => {
    await using server = await startRedis();
    await using connection = await openConnection(server);
    await run({ connection, keyPrefix });
  });
}

/** What all values of workers add up to, by series of a page. */
function expectedPage(workers: readonly RedisWorker[]): Record<string, number> {
  const sums = new Map<string, ExactSum>();
  const add = (series: string, value: number): void => {
    if (!sums.has(series)) sums.set(series, new ExactSum());
    sums.get(series)!.add(value);
  };
  for (const { cells } of workers) {
    for (const [name, { values, index }] of cells) {
      const [, sample, labels] = JSON.parse(name.slice(name.indexOf("["))) as [
        string,
        string,
        Record<string, string>,
      ];
      const value = values[index]!;
      if (!sample.endsWith("_bucket")) add(`${sample}{item="${labels.item}"}`, value);
      else {
        const bounds = ["0.5", "1.0", "+Inf"];
        for (const le of bounds.slice(bounds.indexOf(labels.le!))) {
          add(`${sample}{item="${labels.item}",le="${le}"}`, value);
        }
        add(`histogram_count{item="${labels.item}"}`, value);
      }
    }
  }
  return Object.fromEntries([...sums].map(([series, sum]) => [series, sum.rounded()]));
}

async function assertExact(place: Place, workers: readonly RedisWorker[]): Promise<void> {
  assertPage(await redisPage(place), expectedPage(workers));
}

function assertPage(page: Record<string, number>, expected: Record<string, number>): void {
  assertEquals(Object.keys(page).sort(), Object.keys(expected).sort());
  for (const [series, value] of Object.entries(expected)) {
    assertStrictEquals(page[series], value, series);
  }
}

fencingTest(
  "retire() and a writer that comes back again and again keep every total exact",
  async (place) => {
    await using retirer = retirerOf(place);
    await using worker = openRedisWorker(place, "a");
    await using other = openRedisWorker(place, "b");
    const values = randomDoubles(300, 5);
    for (let round = 0; round < 20; round++) {
      for (const type of SUMS) {
        worker.put(type, round % 2, values[round * 10]!);
        other.put(type, 0, values[round * 10 + 1]!);
      }
      await worker.flush();
      await other.flush();
      await assertExact(place, [worker, other]);
      // Each by the way its death is found out.
      retirer.declareDead("a");
      await ask(place.connection, "DEL", keys.alive(other.writer.writer));
      assertEquals((await retirer.retire(NOW)).folded, 2);
      await assertExact(place, [worker, other]);
    }
    assertEquals(worker.writer.writer, "7@host~a-20");
  },
);

for (const lost of ["request", "reply"] as const) {
  fencingTest(
    `retire() and a writer whose last ${lost} was lost keep every total exact`,
    async (place) => {
      let losing = false;
      const connection = intercepted(place.connection, async (_step, name, call) => {
        if (!losing || name !== "flush") return await call();
        if (lost === "reply") await call();
        throw new Error("lost");
      });
      await using retirer = retirerOf(place);
      await using worker = openRedisWorker({ ...place, connection }, "a");
      const values = randomDoubles(300, 6);
      for (let round = 0; round < 10; round++) {
        for (const type of SUMS) worker.put(type, 0, values[round * 10]!);
        await worker.flush();
        await assertExact(place, [worker]);
        for (const type of SUMS) worker.put(type, 0, values[round * 10 + 1]!);
        losing = true;
        await worker.flush();
        losing = false;
        await ask(place.connection, "DEL", keys.alive(worker.writer.writer));
        assertEquals((await retirer.retire(NOW)).folded, 1);
        await worker.flush();
        await assertExact(place, [worker]);
      }
      assertEquals(worker.writer.writer, "7@host~a-11");
    },
  );
}

fencingTest("retire() of two processes at once keeps every page exact", async (place) => {
  const random = createRandom(7);
  const values = randomDoubles(1000, 7);
  let next = 0;
  await using stack = new AsyncDisposableStack();
  const workers = ["a", "b", "c"].map((incarnation) =>
    stack.use(openRedisWorker(place, incarnation))
  );
  const retirers = [1, 2].map(() => stack.use(retirerOf(place)));
  await using reader = openRedisReader(place);
  let reads = 0;
  let folded = 0;
  for (let round = 0; round < 15; round++) {
    for (const worker of workers) {
      for (const type of SUMS) worker.put(type, Math.floor(random() * 3), values[next++]!);
      await worker.flush();
      if (random() < 0.7) await ask(place.connection, "DEL", keys.alive(worker.writer.writer));
    }
    const expected = expectedPage(workers);
    let done = false;
    const retiring = Promise.all(retirers.map((retirer) => retirer.retire(NOW)))
      .finally(() => done = true);
    do {
      assertPage(await readPage(reader), expected);
      reads++;
    } while (!done);
    for (const result of await retiring) {
      assertEquals(result.problems, []);
      folded += result.folded;
    }
  }
  assertGreater(folded, 15);
  assertGreater(reads, 30);
});
