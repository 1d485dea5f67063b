import { assertEquals } from "@std/assert";
import { expectReplies, type RedisCommand } from "../../../src/storage/redis/connection.ts";
import { familyHash, redisKeys } from "../../../src/storage/redis/keys.ts";
import { openRedisReader } from "../../../src/storage/redis/mod.ts";
import { createAggregator } from "../../../src/core/aggregate.ts";
import { externalTest } from "../../support/externals.ts";
import { openConnection } from "../../support/redis_connection.ts";
import {
  ask,
  familyOf,
  keysLeft,
  openRedisWorker,
  type Place,
  retirerOf,
} from "../../support/redis_retiring.ts";
import { startRedis } from "../../support/redis_server.ts";
import { COUNTER, FOLDED, keysOf, type Type } from "../../support/retiring.ts";
import { printed } from "../../support/snapshots.ts";

const NOW = { patient: false };
const keyPrefix = "gunicorn";
const keys = redisKeys(keyPrefix);
const ID = "7@host~a";
const LIVESUM: Type = ["gauge", "livesum"];

/** What a page shows, whatever else cannot be read. */
async function pageOf(place: Place): Promise<Record<string, number>> {
  await using reader = openRedisReader(place);
  return printed(createAggregator({ guard: false }).aggregate(await reader.read()));
}

/** A writer with every type dies; `commands` damage what it has. What is whole has to be folded. */
async function retireDamaged(
  title: string,
  commands: readonly RedisCommand[],
  check: (place: Place, problems: readonly string[]) => Promise<void>,
): Promise<void> {
  await externalTest(title, ["redis-server"], async () => {
    await using server = await startRedis();
    await using connection = await openConnection(server);
    const place = { connection, keyPrefix };
    {
      await using worker = openRedisWorker(place, "a");
      for (const type of [...FOLDED, LIVESUM]) {
        for (const i of [0, 1]) worker.put(type, i, 0.1, 5);
      }
    }
    expectReplies(await connection.send(commands));
    const before = await pageOf(place);
    const rows: string[] = [];
    await using retirer = retirerOf(place);
    // The second pass finds nothing else to do.
    for (const _ of [1, 2]) {
      const { busy, problems } = await retirer.retire(NOW);
      assertEquals(busy, false);
      rows.push(JSON.stringify(problems.map(({ source, message }) => `${source}: ${message}`)));
      assertEquals(await pageOf(place), before);
    }
    assertEquals(rows[0], rows[1]);
    await check(place, JSON.parse(rows[0]!) as string[]);
  });
}

/** The data keys that are left of the writer. */
async function leftOf(place: Place): Promise<string[]> {
  return [...(await keysLeft(place)).keys()].filter((key) => key.includes(`:${ID}:metric:`));
}

const [first, second] = [0, 1].map((i) => keysOf(COUNTER, i)[0]!) as [string, string];
const counter = keys.data(familyOf(COUNTER, ID));
const total = keys.data(familyOf(COUNTER));

retireDamaged(
  "retire() leaves fields that are no samples, and folds the others of the family",
  [
    ["HSET", counter, first, "abc", "no key", "1", '["x"]', "2", keysOf(COUNTER, 2)[0]!, ""],
    ["HSET", counter, keysOf(COUNTER, 3)[0]!, "1 2 3"],
  ],
  async (place, problems) => {
    const kept = [first, "no key", '["x"]', keysOf(COUNTER, 2)[0]!, keysOf(COUNTER, 3)[0]!];
    assertEquals(
      (await ask(place.connection, "HKEYS", counter) as string[]).sort(),
      kept.toSorted(),
    );
    assertEquals(await ask(place.connection, "HGETALL", total), [second, "0.1"]);
    assertEquals(problems.length, kept.length);
    assertEquals(problems.every((line) => line.startsWith(counter)), true);
    assertEquals(await leftOf(place), [counter]);
  },
);

retireDamaged(
  "retire() leaves fields that are not UTF-8",
  [],
  async (place) => {
    // A client sends text; a script can make any bytes.
    const lua = "redis.call('HSET', KEYS[1], '[\"a\", \"a\", {}, \"\\255\"]', '1') return 1";
    await ask(place.connection, "EVAL", lua, "1", counter);
    await ask(place.connection, "SADD", keys.families, familyOf(COUNTER, ID));
    await using retirer = retirerOf(place);
    const { problems } = await retirer.retire(NOW);
    assertEquals(problems.map(({ source }) => source), [counter]);
    assertEquals(await ask(place.connection, "HLEN", counter), 1);
  },
);

retireDamaged(
  "retire() names some of very many entries that it leaves out",
  [
    ["HSET", counter, ...Array.from({ length: 300 }, (_, i) => [`garbage ${i}`, "1"]).flat()],
    ["SADD", keys.families, ...Array.from({ length: 300 }, (_, i) => `${i}${"x".repeat(10_000)}`)],
  ],
  async (place, problems) => {
    assertEquals(problems.length, 101);
    assertEquals(problems.every((line) => line.length < 400), true);
    assertEquals(await ask(place.connection, "HLEN", counter), 300);
  },
);

const OTHERS: readonly (readonly [what: string, command: RedisCommand])[] = [
  ["data", ["SET", counter, "mine"]],
  ["meta", ["SET", keys.meta(familyOf(COUNTER, ID)), "mine"]],
  ["data in the accumulator", ["SET", total, "mine"]],
  ["meta in the accumulator", ["SET", keys.meta(familyOf(COUNTER)), "mine"]],
];
for (const [what, command] of OTHERS) {
  retireDamaged(
    `retire() leaves a family whose ${what} is somebody else's key`,
    [["DEL", command[1] as string], command],
    async (place, problems) => {
      assertEquals(await ask(place.connection, "GET", command[1] as string), "mine");
      assertEquals(problems.length, 1);
      assertEquals(problems[0]!.includes(": Cannot fold family: "), true);
      const families = await ask(place.connection, "SMEMBERS", keys.families) as string[];
      assertEquals(families.filter((text) => text.includes(ID)), [familyOf(COUNTER, ID)]);
    },
  );
}

retireDamaged(
  "retire() does not remove somebody else's key at the place of a family that nobody folds",
  [
    ["DEL", keys.data(familyOf(LIVESUM, ID))],
    ["SET", keys.data(familyOf(LIVESUM, ID)), "mine"],
  ],
  async (place, problems) => {
    assertEquals(await ask(place.connection, "GET", keys.data(familyOf(LIVESUM, ID))), "mine");
    assertEquals(problems, [
      `${keys.data(familyOf(LIVESUM, ID))}: Cannot remove family: it is "string", expected a hash`,
    ]);
    assertEquals(await leftOf(place), [keys.data(familyOf(LIVESUM, ID))]);
  },
);

retireDamaged(
  "retire() leaves families of another format",
  [["HSET", keys.meta(familyOf(COUNTER, ID)), "version", "2"]],
  async (place, problems) => {
    assertEquals(problems, [
      `${counter}: Cannot fold family: it has version "2", expected "1"`,
    ]);
    assertEquals(await leftOf(place), [counter]);
  },
);

retireDamaged(
  "retire() adds nothing to a total that is no value",
  [["HSET", total, first, "abc"]],
  async (place, problems) => {
    assertEquals(await ask(place.connection, "HGETALL", counter), [first, "0.1"]);
    assertEquals(await ask(place.connection, "HGET", total, second), "0.1");
    assertEquals(problems.map((line) => line.split(": ")[0]), [total]);
  },
);

const garbage = ["", "x", "counter:~a", `counter:a:b:${familyHash("x")}`, "gauge_none:w~a:1234"];
retireDamaged(
  "retire() names entries of the lists that are none, and folds the rest",
  [
    ["SADD", keys.families, ...garbage],
    ["HSET", keys.writers, "~retired", "1"],
  ],
  async (place, problems) => {
    const families = await ask(place.connection, "SMEMBERS", keys.families) as string[];
    assertEquals(families.filter((text) => garbage.includes(text)).sort(), garbage.sort());
    assertEquals(problems.length, garbage.length + 1);
    assertEquals(await ask(place.connection, "HKEYS", keys.writers), ["~retired"]);
    assertEquals(await leftOf(place), []);
  },
);

retireDamaged(
  "retire() folds a writer whose start, sequence or entry is lost or no number",
  [
    ["HSET", keys.writers, ID, "0b11"],
    ["DEL", keys.sequence(ID)],
    ["HSET", keys.sequence(ID), "a", "b"],
  ],
  async (place, problems) => {
    assertEquals(problems, []);
    assertEquals(await leftOf(place), []);
    {
      await using worker = openRedisWorker(place, "a2");
      worker.put(COUNTER, 0, 1);
    }
    await ask(place.connection, "HDEL", keys.writers, "7@host~a2");
    await using retirer = retirerOf(place);
    assertEquals((await retirer.retire(NOW)).folded, 1);
    assertEquals((await pageOf(place))['counter_total{item="0"}'], 1.1);
  },
);
