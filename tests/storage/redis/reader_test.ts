import { assertEquals, assertLessOrEqual, assertRejects, assertStrictEquals } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import { ExactSum } from "../../../src/core/exact_sum.ts";
import { RETIRED_WRITER } from "../../../src/storage/redis/keys.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { sumText } from "../../../src/storage/redis/value_text.ts";
import { externalTest } from "../../support/externals.ts";
import { startRedis } from "../../support/redis_server.ts";
import {
  connect,
  type CountedConnection,
  entriesOf,
  familyCommands,
  KEYS,
  linesOf,
  PREFIX,
  sampleKey,
  sourceNamed,
  valueOf,
  write,
  WRITER,
} from "./_support.ts";

/** Registers a test with a server of its own. */
function test(name: string, run: (connection: CountedConnection) => Promise<void>): void {
  externalTest(`openRedisReader() ${name}`, ["redis-server"], async () => {
    await using server = await startRedis();
    await using connection = await connect(server.port);
    await run(connection);
  });
}

test("reads in one round trip once it knows what is there", async (connection) => {
  await write(
    connection,
    { name: "x", fields: { [sampleKey("x")]: "1" } },
    { name: "y", fields: { [sampleKey("y")]: "2" } },
    { writer: "102@host~def", name: "x", fields: { [sampleKey("x")]: "0.5" } },
    {
      kind: "gauge",
      mode: "mostrecent",
      name: "g",
      fields: { [sampleKey("g")]: "7 1700000000.25" },
    },
  );
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  const first = await reader.read();
  assertEquals(reader.stats.roundTrips, 2);
  assertEquals(first.problems, []);
  assertEquals(first.writers, { live: 2, dead: 0, unknown: 0 });
  assertEquals(linesOf(first), ["g 7", "x 1.5", "y 2"]);
  assertEquals(first.sources.map(({ name }) => name), [
    "counter:101@host~abc",
    "counter:102@host~def",
    "gauge_mostrecent:101@host~abc",
  ]);
  const source = sourceNamed(first, `counter:${WRITER}`);
  assertEquals([source.startTime, source.accumulator, source.revision], [1000, false, 0]);
  const gauge = first.sources[2]!;
  assertEquals(gauge.values[gauge.slots[0]! + 1], 1_700_000_000.25);
  await write(connection, { name: "y", fields: { [sampleKey("y")]: "3" } });
  const second = await reader.read();
  assertEquals(reader.stats, { roundTrips: 1, commands: 16, fields: 4 });
  assertEquals(linesOf(second), ["g 7", "x 1.5", "y 3"]);
  assertEquals(second.sources.every((source, i) => source === first.sources[i]), true);
});

test("finds new fields, families and writers, and keeps its sources", async (connection) => {
  await write(connection, { fields: { [sampleKey("x", { i: "0" })]: "0" } });
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  const before = sourceNamed(await reader.read(), `counter:${WRITER}`);
  const keys = Array.from({ length: 1000 }, (_, i) => sampleKey("x", { i: `${i}` }));
  await write(connection, { fields: Object.fromEntries(keys.map((key, i) => [key, `${i}`])) });
  await write(connection, { name: "y", fields: { [sampleKey("y")]: "5" } });
  await write(connection, { writer: "new", fields: { [keys[1]!]: "5" } });
  const snapshot = await reader.read();
  assertLessOrEqual(reader.stats.roundTrips, 2);
  const after = sourceNamed(snapshot, `counter:${WRITER}`);
  assertStrictEquals(after, before);
  assertEquals([after.revision, after.keys[0], after.keys.length], [0, keys[0], 1001]);
  assertEquals(entriesOf(after), {
    ...Object.fromEntries(keys.map((key, i) => [key, i])),
    [sampleKey("y")]: 5,
  });
  assertEquals(sourceNamed(snapshot, "counter:new").writer, "new");
});

test("drops vanished fields and changes the revision", async (connection) => {
  const [a, b, c] = [sampleKey("a"), sampleKey("b"), sampleKey("c")];
  const sum = [1, 2 ** -60];
  await write(connection, { fields: { [a]: "1", [b]: "absent", [c]: sumText(sum) } });
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  const source = sourceNamed(await reader.read(), `counter:${WRITER}`);
  assertEquals([...source.components!], [[2, [2 ** -60]]]);
  await connection.send([["HDEL", KEYS.data(await familyOf(connection)), a]]);
  assertStrictEquals((await reader.read()).sources[0], source);
  assertEquals([source.revision, source.keys], [1, [b, c]]);
  assertEquals([...source.components!], [[1, [2 ** -60]]]);
  await write(connection, { fields: { [a]: "4" } });
  assertEquals(linesOf(await reader.read()), ["a 4", "c 1"]);
  assertEquals(source.revision, 1);
});

test("gives accumulators their start, and exact sums to the bit", async (connection) => {
  const sum = new ExactSum();
  for (const value of [0.1, 1e-9, 1e15]) sum.add(value);
  await write(
    connection,
    {
      writer: RETIRED_WRITER,
      fields: { [sampleKey("x")]: sumText([sum.rounded(), ...sum.components()]) },
      meta: { start: "500.5" },
    },
    {
      writer: RETIRED_WRITER,
      name: "y",
      fields: { [sampleKey("y")]: "1" },
      meta: { start: "400" },
    },
    { fields: { [sampleKey("x")]: "0.3" } },
  );
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  const snapshot = await reader.read();
  const { accumulator, startTime } = sourceNamed(snapshot, `counter:${RETIRED_WRITER}`);
  assertEquals([accumulator, startTime], [true, 400]);
  sum.add(0.3);
  assertEquals(valueOf(snapshot, "x "), sum.rounded());
  assertEquals(snapshot.writers, { live: 1, dead: 0, unknown: 0 });
  await write(connection, { writer: RETIRED_WRITER, fields: {}, meta: { start: "300" } });
  assertEquals(sourceNamed(await reader.read(), `counter:${RETIRED_WRITER}`).startTime, 300);
});

test("judges writers by alive key and tombstone", async (connection) => {
  for (const writer of ["live", "silent", "retired"]) {
    await write(connection, { writer, fields: { [sampleKey("x")]: "1" } });
  }
  await connection.send([
    ["DEL", KEYS.alive("silent")],
    ["SET", KEYS.tombstone("retired"), "3 1700000000000"],
  ]);
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  const snapshot = await reader.read();
  assertEquals(snapshot.writers, { live: 1, dead: 2, unknown: 0 });
  assertEquals(snapshot.sources.map(({ writer, liveness }) => `${writer} ${liveness}`), [
    "live live",
    "retired dead",
    "silent dead",
  ]);
});

test("reads everything at once when the storage never stands still", async (connection) => {
  await write(
    connection,
    { fields: { [sampleKey("x")]: "1.5" } },
    { writer: "dead", name: "y", fields: { [sampleKey("y")]: "2" }, meta: { version: "1" } },
    { writer: RETIRED_WRITER, fields: { [sampleKey("x")]: "1,1e-20" }, meta: { start: "5" } },
  );
  await connection.send([
    ["DEL", KEYS.alive("dead")],
    ["SADD", KEYS.families, "garbage"],
    ["SADD", KEYS.families, "summary:wrong:abc"],
    ["SET", KEYS.data("summary:wrong:abc"), "text"],
  ]);
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  const expected = await reader.read();
  const lines = linesOf(expected);
  let changes = 0;
  const other = async (): Promise<void> => {
    // A writer comes between any two commands: its family is new each time.
    const name = `new${changes++}`;
    await changing.send(familyCommands({ name, fields: { [sampleKey(name)]: "1" } }));
  };
  await using changing = await connect(Number(await portOf(connection)));
  connection.before = other;
  connection.roundTrips = 0;
  await using fresh = openRedisReader({ connection, keyPrefix: PREFIX });
  const snapshot = await fresh.read();
  assertLessOrEqual(connection.roundTrips, 10);
  assertEquals(fresh.stats.roundTrips, 4);
  const added = Array.from({ length: changes }, (_, i) => `new${i} 1`);
  assertEquals(linesOf(snapshot), [...lines, ...added].sort());
  assertEquals(snapshot.problems, expected.problems);
  assertEquals(snapshot.writers, expected.writers);
  assertEquals(sourceNamed(snapshot, `counter:${RETIRED_WRITER}`).startTime, 5);
  connection.before = () => Promise.resolve();
  assertEquals(linesOf(await fresh.read()), [...lines, ...added].sort());
  assertEquals(fresh.stats.roundTrips, 1);
});

test("rejects while the server is away and goes on with the same sources", async (connection) => {
  await write(connection, { fields: { [sampleKey("x")]: "1" } });
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  const { sources: [source] } = await reader.read();
  connection.before = () => Promise.reject(new StorageError("Cannot reach Redis: away", "redis"));
  await assertRejects(() => reader.read(), StorageError, "away");
  assertEquals(entriesOf(source!), { [sampleKey("x")]: 1 });
  connection.before = () => Promise.resolve();
  await write(connection, { fields: { [sampleKey("x")]: "2" } });
  assertStrictEquals((await reader.read()).sources[0], source);
  assertEquals(entriesOf(source!), { [sampleKey("x")]: 2 });
});

async function familyOf(connection: CountedConnection): Promise<string> {
  const [families] = await connection.send([["SMEMBERS", KEYS.families]]);
  return (families as string[])[0] as string;
}

async function portOf(connection: CountedConnection): Promise<string> {
  const [port] = await connection.send([["CONFIG", "GET", "port"]]);
  return (port as string[])[1] as string;
}
