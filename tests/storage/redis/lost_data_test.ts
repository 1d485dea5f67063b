import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { RETIRED_WRITER } from "../../../src/storage/redis/keys.ts";
import { openRedisReader, type RedisReader } from "../../../src/storage/redis/reader.ts";
import { sumText } from "../../../src/storage/redis/value_text.ts";
import { externalTest } from "../../support/externals.ts";
import { startRedis } from "../../support/redis_server.ts";
import {
  connect,
  type CountedConnection,
  KEYS,
  linesOf,
  PREFIX,
  sampleKey,
  sourceNamed,
  write,
  WRITER,
} from "./_support.ts";

interface Scene {
  readonly connection: CountedConnection;
  readonly reader: RedisReader;
  /** The reader's clock, milliseconds. */
  nowMs: number;
}

function test(name: string, run: (scene: Scene) => Promise<void>): void {
  externalTest(`openRedisReader() ${name}`, ["redis-server"], async () => {
    await using server = await startRedis();
    await using connection = await connect(server.port);
    const clock = { nowMs: 0 };
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX, now: () => clock.nowMs });
    await run(Object.assign(clock, { connection, reader }));
  });
}

const [a, b, g] = [sampleKey("a"), sampleKey("b"), sampleKey("g")];

test("shows what live writers had until they have written it anew", async (scene) => {
  const { connection, reader } = scene;
  await write(
    connection,
    { name: "a", fields: { [a]: "10", [sampleKey("a", { i: "1" })]: "1" } },
    { name: "b", fields: { [b]: sumText([0.30000000000000004, -(2 ** -60)]) } },
    { kind: "gauge", mode: "livesum", name: "g", fields: { [g]: "5" } },
    { writer: "other", name: "a", fields: { [a]: "0.5" } },
    { writer: "dead", name: "a", fields: { [a]: "100" } },
    { writer: RETIRED_WRITER, name: "a", fields: { [a]: "1000" }, meta: { start: "1" } },
  );
  await connection.send([["DEL", KEYS.alive("dead")]]);
  const before = await reader.read();
  assertEquals(linesOf(before), ["a 1110.5", 'a{i="1"} 1', "b 0.30000000000000004", "g 5"]);
  const source = sourceNamed(before, `counter:${WRITER}`);

  await connection.send([["FLUSHALL"]]);
  // What dead and retired writers had is lost for good; the others still have it.
  const live = ["a 10.5", 'a{i="1"} 1', "b 0.30000000000000004", "g 5"];
  const empty = await reader.read();
  assertEquals(linesOf(empty), live);
  assertEquals(empty.writers, { live: 2, dead: 0, unknown: 0 });
  assertStrictEquals(sourceNamed(empty, `counter:${WRITER}`), source);
  assertEquals([...source.components!.values()], [[-(2 ** -60)]]);

  await write(connection, { name: "a", fields: { [a]: "11" } });
  await connection.send([["SET", KEYS.epoch, "second"]]);
  scene.nowMs = 10_000;
  assertEquals(linesOf(await reader.read()), ["a 11.5", ...live.slice(1)]);
  await write(
    connection,
    { name: "a", fields: { [sampleKey("a", { i: "1" })]: "2" } },
    { name: "b", fields: { [b]: "0.5" } },
    { kind: "gauge", mode: "livesum", name: "g", fields: { [g]: "4" } },
    { writer: "other", name: "a", fields: { [a]: "0.5" } },
  );
  const whole = await reader.read();
  assertEquals(linesOf(whole), ["a 11.5", 'a{i="1"} 2', "b 0.5", "g 4"]);
  assertStrictEquals(sourceNamed(whole, `counter:${WRITER}`), source);
  scene.nowMs = 60_000;
  assertEquals(linesOf(await reader.read()), linesOf(whole));
});

test("lets go of writers that do not come back after a loss", async (scene) => {
  const { connection, reader } = scene;
  await write(
    connection,
    { fields: { [a]: "1" } },
    { writer: "gone", fields: { [a]: "10" } },
  );
  await reader.read();
  await connection.send([["FLUSHALL"]]);
  await write(connection, { fields: { [a]: "1" } });
  await connection.send([["SET", KEYS.epoch, "second"]]);
  assertEquals(linesOf(await reader.read()), ["a 11"]);
  scene.nowMs = 14_999;
  assertEquals(linesOf(await reader.read()), ["a 11"]);
  scene.nowMs = 15_000;
  const after = await reader.read();
  assertEquals(linesOf(after), ["a 1"]);
  assertEquals(after.writers, { live: 1, dead: 0, unknown: 0 });
});

test("holds on to what was lost while the server is away, when nobody can write anew", async (scene) => {
  const { connection, reader } = scene;
  await write(connection, { fields: { [a]: "1" } });
  await reader.read();
  await connection.send([["FLUSHALL"]]);
  await connection.send([["SET", KEYS.epoch, "second"]]);
  assertEquals(linesOf(await reader.read()), ["a 1"]);
  scene.nowMs = 5000;
  connection.before = () => Promise.reject(new Error("away"));
  await assertRejects(() => reader.read(), Error, "away");
  scene.nowMs = 40_000;
  connection.before = () => Promise.resolve();
  assertEquals(linesOf(await reader.read()), ["a 1"]);
  scene.nowMs = 54_999;
  assertEquals(linesOf(await reader.read()), ["a 1"]);
  scene.nowMs = 55_000;
  assertEquals(linesOf(await reader.read()), []);
});

test("shows no total twice when a writer is retired after a loss", async (scene) => {
  const { connection, reader } = scene;
  await write(connection, { fields: { [a]: "1" } });
  await reader.read();
  await connection.send([["FLUSHALL"]]);
  assertEquals(linesOf(await reader.read()), ["a 1"]);
  await write(
    connection,
    { writer: RETIRED_WRITER, fields: { [a]: "1.5" }, meta: { start: "1000" } },
  );
  await connection.send([["SET", KEYS.tombstone(WRITER), "4 1700000000000"]]);
  assertEquals(linesOf(await reader.read()), ["a 1.5"]);
});

test("keeps totals from falling when the server comes back with older data", async (scene) => {
  const { connection, reader } = scene;
  await write(connection, { name: "a", fields: { [a]: "1" } });
  await write(connection, { name: "a", fields: { [a]: "2", [b]: "7" } });
  await write(connection, { kind: "gauge", mode: "sum", name: "g", fields: { [g]: "5" } });
  const before = linesOf(await reader.read());
  assertEquals(before, ["a 2", "b 7", "g 5"]);
  const family = (await connection.send([["SMEMBERS", KEYS.families]]))[0] as string[];
  const counter = KEYS.data(family.find((text) => text.startsWith("counter"))!);
  const gauge = KEYS.data(family.find((text) => text.startsWith("gauge"))!);
  await connection.send([
    ["SET", KEYS.sequence(WRITER), "1"],
    ["HSET", counter, a, "1"],
    ["HDEL", counter, b],
    ["HSET", gauge, g, "3"],
  ]);
  // A gauge may fall.
  assertEquals(linesOf(await reader.read()), ["a 2", "b 7", "g 3"]);
  await connection.send([["SET", KEYS.sequence(WRITER), "4"], ["HSET", counter, a, "2.5", b, "8"]]);
  assertEquals(linesOf(await reader.read()), ["a 2.5", "b 8", "g 3"]);
});
