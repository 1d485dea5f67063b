import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import type { RedisCommand } from "../../../src/storage/redis/connection.ts";
import { familyHash, formatFamily } from "../../../src/storage/redis/keys.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { externalTest } from "../../support/externals.ts";
import { startRedis } from "../../support/redis_server.ts";
import {
  commandCounts,
  connect,
  entriesOf,
  KEYS,
  linesOf,
  PREFIX,
  sampleKey,
  sourceNamed,
  write,
  WRITER,
} from "./_support.ts";

const MIB = 1024 * 1024;

externalTest(
  "openRedisReader() leaves out hostile contents and serves the rest",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await connect(server.port);
    const good = sampleKey("good");
    const dataKey = (name: string, writer = WRITER): string =>
      KEYS.data(formatFamily({ kind: "counter", mode: undefined, writer, hash: familyHash(name) }));
    await write(
      connection,
      { name: "good", fields: { [good]: "1" } },
      {
        name: "values",
        fields: {
          [sampleKey("values", { i: "0" })]: "garbage",
          [sampleKey("values", { i: "1" })]: "",
          [sampleKey("values", { i: "2" })]: "1 2 3",
          [sampleKey("values", { i: "3" })]: "1,x",
          [sampleKey("values", { i: "4" })]: ",".repeat(MIB),
          [sampleKey("values", { i: "5" })]: " ".repeat(MIB),
          [sampleKey("values", { i: "6" })]: "6",
        },
      },
      { name: "fields", fields: { "": "1", "no key": "2", ["[".repeat(MIB)]: "3" } },
      { name: "twice", fields: { [good]: "100" } },
      { name: "wrong", fields: {} },
      { name: "wrong meta", fields: { [sampleKey("wrong_meta")]: "7" } },
      { name: "newer", fields: { [sampleKey("newer")]: "1" }, meta: { version: "2" } },
      { name: "bytes", fields: {} },
    );
    const bytes = `local key = KEYS[1] redis.call('HSET', key, '["a\\255", "a", {}, ""]', '1',
    '["b", "b", {}, ""]', '\\255\\254')`;
    const commands: RedisCommand[] = [
      ["SET", dataKey("wrong"), "text"],
      ["DEL", KEYS.meta(`counter:${WRITER}:${familyHash("wrong meta")}`)],
      ["SET", KEYS.meta(`counter:${WRITER}:${familyHash("wrong meta")}`), "text"],
      ["EVAL", bytes, "1", dataKey("bytes")],
      [
        "SADD",
        KEYS.families,
        "",
        "x",
        "counter:a:b:c",
        "gauge_no:w:h",
        "counter:a b:h",
        "x".repeat(MIB),
      ],
      [
        "HSET",
        KEYS.writers,
        "a:b",
        "1",
        "a b",
        "1",
        "",
        "1",
        "~retired",
        "1",
        "strange",
        "no time",
      ],
      ["SET", KEYS.tombstone("strange"), "garbage"],
      ["RPUSH", KEYS.alive("strange"), "1"],
    ];
    for (const reply of await connection.send(commands)) if (reply instanceof Error) throw reply;
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
    const snapshot = await reader.read();
    const expected = [
      [dataKey("values"), 'Field "[\\"values\\", \\"values\\", {\\"i\\": '],
      [dataKey("fields"), "has 1048576 characters"],
      [dataKey("wrong"), "It holds a value of another type"],
      [
        KEYS.meta(`counter:${WRITER}:${familyHash("wrong meta")}`),
        "It holds a value of another type",
      ],
      [dataKey("newer"), 'It has format version "2", expected "1"'],
      [dataKey("bytes"), "(and 1 more)"],
      [KEYS.families, '"" is no family'],
      [KEYS.families, '"x" is no family'],
      [KEYS.families, '"counter:a:b:c" is no family'],
      [KEYS.families, '"gauge_no:w:h" is no family'],
      [KEYS.families, '"counter:a b:h" is no family'],
      [KEYS.families, `"${"x".repeat(80)}…" is no family`],
      [KEYS.writers, '"a:b" is no writer\'s id'],
      [KEYS.writers, '"a b" is no writer\'s id'],
      [KEYS.writers, '"" is no writer\'s id'],
      [KEYS.writers, '"~retired" is no writer\'s id'],
    ];
    const found = snapshot.problems.map(({ source, message }) => `${source} ${message}`);
    for (const [source, message] of expected) {
      assertStringIncludes(
        found.filter((text) => text.startsWith(`${source} `)).join("\n"),
        message!,
      );
    }
    // Which of "good" and "twice" comes first is a matter of hashes; the other one is the problem.
    const twice = found.filter((text) => text.endsWith("is there twice, expected one family"));
    assertEquals(twice.length, 1);
    assertEquals(found.length, expected.length + twice.length, found.join("\n"));
    for (const text of found) assertLess(text.length, 500);
    const entries = entriesOf(sourceNamed(snapshot, `counter:${WRITER}`));
    assertEquals(entries[sampleKey("values", { i: "6" })], 6);
    assertEquals(entries[sampleKey("wrong_meta")], 7);
    assertEquals([1, 100].includes(entries[good] as number), true);
    assertEquals(
      Object.keys(entries).sort(),
      [good, sampleKey("values", { i: "6" }), sampleKey("wrong_meta"), "", "no key"].sort(),
    );
    assertEquals(snapshot.writers, { live: 1, dead: 1, unknown: 0 });
    const again = await reader.read();
    assertEquals(reader.stats.roundTrips, 1);
    assertEquals(again.problems, snapshot.problems);
  },
);

externalTest(
  "openRedisReader() names some of very many entries that it leaves out",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await connect(server.port);
    await write(connection, { name: "x", fields: { [sampleKey("x")]: "1" } });
    const garbage = Array.from({ length: 1000 }, (_, i) => `garbage ${i}`);
    await connection.send([["SADD", KEYS.families, ...garbage]]);
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
    const snapshot = await reader.read();
    assertEquals(linesOf(snapshot), ["x 1"]);
    assertEquals(snapshot.problems.length, 11);
    assertEquals(snapshot.problems[10]?.message, "990 more entries are no family");
  },
);

externalTest("openRedisReader() names some of very many keys that it cannot use", [
  "redis-server",
], async () => {
  await using server = await startRedis();
  await using connection = await connect(server.port);
  const damaged = Array.from({ length: 150 }, (_, i) => ({ name: `x${i}`, fields: { a: "no" } }));
  await write(connection, { name: "x", fields: { [sampleKey("x")]: "1" } }, ...damaged);
  const nameless = Array.from({ length: 150 }, (_, i) => `${PREFIX}:counter:1:metric:${i}`);
  await connection.send(nameless.map((key) => ["HSET", key, "value", "1.0"] as const));
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX, python: true });
  const snapshot = await reader.read();
  assertEquals(linesOf(snapshot), ["x 1"]);
  assertEquals(snapshot.problems.length, 101);
  assertEquals(snapshot.problems.at(-1)?.message, "There are more problems than are named");
  assertEquals((await reader.read()).problems, snapshot.problems);
});

externalTest(
  "openRedisReader() answers when its own lists are of another type",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await connect(server.port);
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
    const lists = [KEYS.writers, KEYS.families, KEYS.generation, KEYS.epoch];
    await connection.send(lists.map((key) => ["RPUSH", key, "1"] as const));
    const { sources, problems } = await reader.read();
    assertEquals(sources, []);
    assertEquals(problems.map(({ source }) => source), [KEYS.writers, KEYS.families]);
  },
);

externalTest("openRedisReader() sends the same among foreign keys, and never looks at them", [
  "redis-server",
], async () => {
  await using server = await startRedis();
  await using connection = await connect(server.port);
  await write(connection, { name: "x", fields: { [sampleKey("x")]: "1" } });
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX });
  await reader.read();
  const measure = async (): Promise<Record<string, number>> => {
    const before = await commandCounts(connection);
    assertEquals(linesOf(await reader.read()), ["x 1"]);
    const after = await commandCounts(connection);
    const counts = [...after].map(([name, calls]) =>
      [name, calls - (before.get(name) ?? 0)] as const
    );
    return Object.fromEntries(counts.filter(([name, calls]) => calls > 0 && name !== "info"));
  };
  const alone = await measure();
  const populate = "for i = 1, 20000 do redis.call('SET', KEYS[1] .. i, i) end return 'OK'";
  const [populated] = await connection.send([["EVAL", populate, "1", `${PREFIX}:counter:`]]);
  assertEquals(populated, "OK");
  assertEquals(await measure(), alone);
  assertEquals(alone, { get: 7, hgetall: 2, smembers: 1 });
});
