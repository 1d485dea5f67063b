import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { createAggregator } from "../../../src/core/aggregate.ts";
import { encodeSampleKey } from "../../../src/core/sample_key.ts";
import { FORMAT_VERSION, redisKeys } from "../../../src/storage/redis/keys.ts";
import { openRedisReader } from "../../../src/storage/redis/mod.ts";
import { externalTest } from "../../support/externals.ts";
import { openConnection } from "../../support/redis_connection.ts";
import {
  ask,
  familyOf,
  intercepted,
  keysLeft,
  LIFE_MS,
  openRedisWorker,
  type Place,
  redisPage,
  retirerOf,
} from "../../support/redis_retiring.ts";
import { startRedis } from "../../support/redis_server.ts";
import { COUNTER, DROPPED, FOLDED, keysOf, readPage, type Type } from "../../support/retiring.ts";

const ALL: Type = ["gauge", "all"];
const NOW = { patient: false };
const keyPrefix = "any:prefix";
const keys = redisKeys(keyPrefix);

function retireTest(title: string, run: (place: Place) => Promise<void>): void {
  externalTest(title, ["redis-server"], async () => {
    await using server = await startRedis();
    await using connection = await openConnection(server);
    await run({ connection, keyPrefix });
  });
}

/** A writer that wrote the same value into types, and died. */
async function liveAndDie(
  place: Place,
  incarnation: string,
  types: readonly Type[] = [COUNTER],
  value = 0.1,
): Promise<string> {
  await using worker = openRedisWorker(place, incarnation);
  for (const type of types) worker.put(type, 0, value, 5);
  await worker.flush();
  return worker.writer.writer;
}

retireTest("retire() folds what outlives a writer, and removes the rest", async (place) => {
  let id: string;
  {
    await using worker = openRedisWorker(place, "a");
    id = worker.writer.writer;
    for (const type of [...FOLDED, ...DROPPED]) {
      for (let i = 0; i < 3; i++) worker.put(type, i, 0.1 * i, 5);
    }
  }
  const before = await redisPage(place);
  await using retirer = retirerOf(place);
  assertEquals(await retirer.retire(NOW), {
    folded: 1,
    families: FOLDED.length + DROPPED.length,
    busy: false,
    problems: [],
  });
  assertEquals(await redisPage(place), before);
  const families = FOLDED.map((type) => familyOf(type));
  assertEquals(
    [...(await keysLeft(place)).keys()],
    [
      ...families.flatMap((family) => [keys.data(family), keys.meta(family)]),
      ...[keys.epoch, keys.families, keys.generation, keys.tombstone(id)],
    ].sort(),
  );
  assertEquals(await retirer.retire(NOW), { folded: 0, families: 0, busy: false, problems: [] });
});

retireTest("retire() says in the accumulator what it is, and since when", async (place) => {
  for (const [incarnation, startTime] of [["a", 50], ["b", 20.25], ["c", 30]] as const) {
    {
      await using worker = openRedisWorker(place, incarnation, { startTime });
      worker.put(["gauge", "sum"], 0, 1);
    }
    await using retirer = retirerOf(place);
    await retirer.retire(NOW);
  }
  const meta = await ask(
    place.connection,
    ...["HGETALL", keys.meta(familyOf(["gauge", "sum"]))] as const,
  ) as string[];
  assertEquals(
    Object.fromEntries(meta.flatMap((name, i) => i % 2 === 0 ? [[name, meta[i + 1]]] : [])),
    {
      type: "gauge",
      mode: "sum",
      help: "Help",
      name: "gauge_sum",
      version: FORMAT_VERSION,
      start: "20.25",
    },
  );
});

retireTest(
  "retire() leaves writers alone that live, or show it at the last moment",
  async (place) => {
    await using live = openRedisWorker(place, "live");
    live.put(COUNTER, 0, 1);
    await live.flush();
    await using late = openRedisWorker(place, "late");
    late.put(COUNTER, 0, 2);
    await late.flush();
    const alive = keys.alive(late.writer.writer);
    await ask(place.connection, "DEL", alive);
    const connection = intercepted(place.connection, async (_step, name, call) => {
      if (name === "declare writer dead") await ask(place.connection, "SET", alive, "1");
      return await call();
    });
    await using retirer = retirerOf({ ...place, connection });
    assertEquals(await retirer.retire(NOW), { folded: 0, families: 0, busy: false, problems: [] });
    await live.flush();
    await late.flush();
    assertEquals(await redisPage(place), { 'counter_total{item="0"}': 3 });
    assertEquals([live.writer.writer, late.writer.writer], ["7@host~live", "7@host~late"]);
  },
);

retireTest(
  "retire() waits after a connection was made, but not for those declared dead",
  async (place) => {
    const connectedSince = performance.now() - 1999;
    let connection = { ...place.connection, connectedSince, problem: undefined };
    for (const incarnation of ["a", "ab", "silent"]) await liveAndDie(place, incarnation);
    for (const incarnation of ["a-2", "a-x"]) {
      await using worker = openRedisWorker(place, incarnation);
      worker.put(COUNTER, 0, 1);
      await worker.flush();
      await ask(place.connection, "SET", keys.alive(worker.writer.writer), "1");
    }
    {
      await using retirer = retirerOf({ ...place, connection }, { ttlMs: 100_000_000 });
      retirer.declareDead("a");
      // Its alive key is still there; the writer was closed by the block above.
      await ask(place.connection, "SET", keys.alive("7@host~a-2"), "1");
      await ask(place.connection, "SET", keys.alive("7@host~a-x"), "1");
      assertEquals((await retirer.retire()).folded, 2);
      const left = await ask(place.connection, "HKEYS", keys.writers) as string[];
      assertEquals(left.sort(), ["7@host~a-x", "7@host~ab", "7@host~silent"]);
      assertEquals((await retirer.retire()).folded, 0);
    }
    connection = { ...connection, connectedSince: performance.now() - 30_000 };
    await using retirer = retirerOf({ ...place, connection }, { ttlMs: 100_000_000 });
    assertEquals((await retirer.retire()).folded, 2);
    assertEquals(await ask(place.connection, "HKEYS", keys.writers), ["7@host~a-x"]);
  },
);

retireTest(
  "retire() does nothing while somebody else has the lease, and gives its own back",
  async (place) => {
    const { connection } = place;
    await liveAndDie(place, "a");
    await ask(connection, "SET", keys.lease, "other", "PX", "60000");
    await using retirer = retirerOf(place);
    const before = await keysLeft(place);
    assertEquals(await retirer.retire(NOW), { folded: 0, families: 0, busy: true, problems: [] });
    assertEquals([...(await keysLeft(place)).keys()], [...before.keys()]);
    assertEquals(await ask(connection, "GET", keys.lease), "other");
    await ask(connection, "DEL", keys.lease);
    assertEquals((await retirer.retire(NOW)).folded, 1);
    assertEquals(await ask(connection, "EXISTS", keys.lease), 0);
  },
);

retireTest(
  "retire() stops when its lease passed to somebody else, at every script",
  async (place) => {
    const types = [...FOLDED, ...DROPPED];
    const scripts = ["declare writer dead", "fold writer", "remove families", "remove writer"];
    for (const [i, script] of scripts.entries()) {
      await liveAndDie(place, `a${i}`, types, 0.1);
      const before = await redisPage(place);
      let seen = 0;
      const connection = intercepted(place.connection, async (_step, name, call) => {
        if (name !== script) return await call();
        seen++;
        await ask(place.connection, "SET", keys.lease, "other", "PX", "60000");
        const state = await dataOf(place);
        const reply = await call();
        assertEquals(await dataOf(place), state);
        return reply;
      });
      await using retirer = retirerOf({ ...place, connection });
      assertEquals((await retirer.retire(NOW)).busy, true);
      assertEquals(seen, 1);
      assertEquals(await ask(place.connection, "GET", keys.lease), "other");
      assertEquals(await redisPage(place), before);
      await ask(place.connection, "DEL", keys.lease);
      await using other = retirerOf(place);
      await other.retire(NOW);
      assertEquals(await redisPage(place), before);
      assertEquals(await ask(place.connection, "EXISTS", keys.writers), 0);
    }
  },
);

/** Everything but the lease. */
async function dataOf(place: Place): Promise<Record<string, unknown>> {
  const data: Record<string, unknown> = {};
  for (const key of (await keysLeft(place)).keys()) {
    if (key !== keys.lease) data[key] = await ask(place.connection, "DUMP", key);
  }
  return data;
}

retireTest("retire() folds large families in several scripts, exact after each", async (place) => {
  {
    await using worker = openRedisWorker(place, "a");
    for (let i = 0; i < 5000; i++) worker.put(COUNTER, i, 0.1);
  }
  await liveAndDie(place, "b", [COUNTER], 1e15);
  const before = await redisPage(place);
  await using reader = openRedisReader(place);
  const aggregator = createAggregator({ guard: false });
  const sizes: number[] = [];
  const connection = intercepted(place.connection, async (_step, name, call) => {
    const reply = await call();
    if (name === "fold writer") {
      sizes.push(await ask(place.connection, "HLEN", keys.data(familyOf(COUNTER))) as number);
      assertEquals(await readPage(reader, aggregator), before);
    }
    return reply;
  });
  await using retirer = retirerOf({ ...place, connection });
  assertEquals((await retirer.retire(NOW)).folded, 2);
  assertEquals(sizes, [1000, 2000, 3000, 4000, 5000, 5000]);
  assertEquals(await redisPage(place), before);
});

retireTest("retire() folds long fields in several scripts", async (place) => {
  {
    await using worker = openRedisWorker(place, "a");
    for (let i = 0; i < 25; i++) worker.put(COUNTER, `${i}`.padStart(100_000, "x"), 0.1);
  }
  const before = await redisPage(place);
  const sizes: number[] = [];
  const connection = intercepted(place.connection, async (_step, name, call) => {
    const reply = await call();
    if (name === "fold writer") {
      sizes.push(await ask(place.connection, "HLEN", keys.data(familyOf(COUNTER))) as number);
    }
    return reply;
  });
  await using retirer = retirerOf({ ...place, connection });
  assertEquals((await retirer.retire(NOW)).folded, 1);
  assertEquals(sizes, [10, 20, 25]);
  assertEquals(await redisPage(place), before);
});

retireTest("retire() takes a series for one, whatever its help text", async (place) => {
  const keyOf = (help: string): string => encodeSampleKey("x", "x", { a: "1" }, help);
  for (const [incarnation, help] of [["a", "Help"], ["b", "Hilfe"], ["c", "Help"]] as const) {
    await using worker = openRedisWorker(place, incarnation);
    const cell = worker.writer.allocate("counter", undefined, keyOf(help));
    cell.values[cell.index] = 0.1;
  }
  await using retirer = retirerOf(place);
  await retirer.retire(NOW);
  assertEquals(await redisPage(place), { 'x{a="1"}': 0.30000000000000004 });
  const families = await ask(place.connection, "SMEMBERS", keys.families) as string[];
  assertEquals(families.length, 1);
  assertEquals(await ask(place.connection, "HGETALL", keys.data(families[0]!)), [
    keyOf("Help"),
    "0.30000000000000004,-2.7755575615628914e-17",
  ]);
});

retireTest("retire() reads anew what has changed since it was read", async (place) => {
  await liveAndDie(place, "a", [COUNTER], 0.1);
  const accumulator = keys.data(familyOf(COUNTER));
  const key = keysOf(COUNTER, 0)[0]!;
  let changes = 0;
  const connection = intercepted(place.connection, async (_step, name, call) => {
    if (name === "fold writer" && changes++ === 0) {
      await ask(place.connection, "HSET", accumulator, key, "0.2");
    }
    return await call();
  });
  await using retirer = retirerOf({ ...place, connection });
  assertEquals(await retirer.retire(NOW), { folded: 1, families: 1, busy: false, problems: [] });
  assertEquals(changes, 2);
  assertEquals(
    await ask(place.connection, "HGET", accumulator, key),
    "0.30000000000000004,-2.7755575615628914e-17",
  );
});

retireTest("retire() keeps gauges of mode all for a time, of so many writers", async (place) => {
  const retention = { seconds: 100, writers: 2 };
  // Tombstones have the server's time.
  const [seconds] = await ask(place.connection, "TIME") as [string];
  let nowMs = Number(seconds) * 1000;
  await using retirer = retirerOf(place, { retention, now: () => nowMs });
  const shown = async (): Promise<string[]> =>
    Object.keys(await redisPage(place)).flatMap((series) =>
      /pid="7@host~(.)"/.exec(series)?.[1] ?? []
    );
  for (const [incarnation, folded] of [["a", 1], ["b", 1], ["c", 2]] as const) {
    await liveAndDie(place, incarnation, [ALL, COUNTER]);
    assertEquals((await retirer.retire(NOW)).folded, folded);
    await ask(
      place.connection,
      ...["SET", keys.tombstone(`7@host~${incarnation}`), `1 ${nowMs}`] as const,
    );
    nowMs += 1000;
  }
  assertEquals(await shown(), ["b", "c"]);
  const sent = await commandsSent(place);
  assertEquals((await retirer.retire(NOW)).folded, 0);
  // Looking is all that is done: no lease, no script.
  assertLessOrEqual(await commandsSent(place) - sent, 8);
  nowMs += 98_000;
  assertEquals((await retirer.retire(NOW)).folded, 1);
  assertEquals(await shown(), ["c"]);
  nowMs += 2000;
  await retirer.retire(NOW);
  assertEquals(await redisPage(place), { 'counter_total{item="0"}': 0.1 + 0.1 + 0.1 });
  assertEquals(await ask(place.connection, "EXISTS", keys.writers), 0);
});

async function commandsSent({ connection }: Place): Promise<number> {
  const text = String(await ask(connection, "INFO", "commandstats"));
  return [...text.matchAll(/calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

retireTest("retire() folds the writers of a vanished host at once", async (place) => {
  const types = [...FOLDED, ...DROPPED, ALL];
  for (let i = 0; i < 50; i++) await liveAndDie(place, `i${i}`, types, 0.1 * i);
  const before = await redisPage(place);
  const logged: unknown[] = [];
  const log = { debug: (_: string, fields?: object) => logged.push(fields) };
  await using retirer = retirerOf(place, {
    log: { ...log, info: () => {}, warn: () => {}, error: () => {} },
  });
  assertEquals((await retirer.retire(NOW)).folded, 50);
  assertEquals(logged, [{ writers: 50, families: 50 * (types.length - 1) }]);
  assertEquals(await redisPage(place), before);
});

retireTest("retire() gives everything a life, where data has one", async (place) => {
  const types = [...FOLDED, ALL];
  await liveAndDie(place, "a", types);
  // As if the catalogue had come to its end just before.
  await ask(place.connection, "DEL", keys.generation);
  await using retirer = retirerOf(place);
  await retirer.retire(NOW);
  const left = await keysLeft(place);
  assertGreater(left.size, 2 * FOLDED.length);
  for (const [key, ms] of left) assert(ms > LIFE_MS - 60_000 && ms <= 2 * LIFE_MS, `${key} ${ms}`);
});

retireTest("retire() gives data no life, where it has none", async (place) => {
  {
    await using worker = openRedisWorker(place, "a", { lifeMs: 0 });
    for (const type of [...FOLDED, ALL]) worker.put(type, 0, 1, 5);
  }
  await using other = openRedisWorker(place, "b", { lifeMs: 0 });
  other.put(COUNTER, 0, 1);
  await other.flush();
  let leaseMs = 0;
  const connection = intercepted(place.connection, async (_step, name, call) => {
    const reply = await call();
    if (name === "fold writer") leaseMs = await ask(place.connection, "PTTL", keys.lease) as number;
    return reply;
  });
  await using retirer = retirerOf({ ...place, connection }, { dataLifeMs: 0 });
  await retirer.retire(NOW);
  assertGreater(leaseMs, 0);
  const mortal = [...await keysLeft(place)].filter(([, ms]) => ms >= 0).map(([key]) => key);
  assertEquals(mortal, [keys.alive("7@host~b"), keys.tombstone("7@host~a")]);
});

retireTest("retire() leaves as many keys after many generations as after a few", async (place) => {
  await using retirer = retirerOf(place, { retention: { seconds: 0, writers: 0 } });
  await using reader = openRedisReader(place);
  const measure = async (): Promise<object> => {
    await readPage(reader);
    await readPage(reader);
    const names = [...(await keysLeft(place)).keys()];
    const lasting = names.filter((key) => !key.startsWith(keys.tombstone("")));
    return { keys: lasting.length, tombstones: names.length - lasting.length > 0, ...reader.stats };
  };
  let early: object = {};
  for (let generation = 1; generation <= 300; generation++) {
    await liveAndDie(place, `g${generation}`, [COUNTER, ["histogram"], ALL], 0.5);
    await retirer.retire(NOW);
    if (generation === 5) early = await measure();
  }
  assertEquals(await measure(), early);
  assertEquals((await redisPage(place))['counter_total{item="0"}'], 150);
});
