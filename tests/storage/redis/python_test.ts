import { assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import type { RedisCommand } from "../../../src/storage/redis/connection.ts";
import { redisKeys } from "../../../src/storage/redis/keys.ts";
import { parsePythonKey, parsePythonNumber } from "../../../src/storage/redis/python_keys.ts";
import { openRedisReader } from "../../../src/storage/redis/reader.ts";
import { externalTest } from "../../support/externals.ts";
import { startRedis } from "../../support/redis_server.ts";
import { waitFor } from "../../support/wait_for.ts";
import {
  commandCounts,
  connect,
  type CountedConnection,
  linesOf,
  PREFIX,
  sampleKey,
  sourceNamed,
  write,
  WRITER,
} from "./_support.ts";

interface StoredHash {
  readonly type: "hash";
  readonly value: Readonly<Record<string, string>>;
}

const SEED_FILE = new URL("../../fixtures/seed-redis.json", import.meta.url);

/** What two workers of the Python exporter left: each set everything to 3 and 5, 15458 later. */
const SEED: Readonly<Record<string, StoredHash>> = JSON.parse(await Deno.readTextFile(SEED_FILE));

const SEED_LINES = [
  'jobs_total{q="x"} 8',
  // 15457 observed 0.25 and 3, 15458 observed 0.25 and 5.
  'lat_seconds_bucket{le="+Inf",q="x"} 4',
  'lat_seconds_bucket{le="0.5",q="x"} 2',
  'lat_seconds_bucket{le="1.0",q="x"} 2',
  'lat_seconds_bucket{le="4.0",q="x"} 3',
  'lat_seconds_count{q="x"} 4',
  'lat_seconds_sum{q="x"} 8.5',
  ...["all", "liveall"].flatMap((mode) => [
    `temp_${mode}{pid="15457",q="x"} 3`,
    `temp_${mode}{pid="15458",q="x"} 5`,
  ]),
  ...["", "live"].flatMap((live) => [
    `temp_${live}max{q="x"} 5`,
    `temp_${live}min{q="x"} 3`,
    `temp_${live}mostrecent{q="x"} 5`,
    `temp_${live}sum{q="x"} 8`,
  ]),
];

async function send(connection: CountedConnection, ...commands: RedisCommand[]): Promise<void> {
  for (const reply of await connection.send(commands)) if (reply instanceof Error) throw reply;
}

/** Stores one sample as Python's exporter does. */
function sample(
  type: string,
  pid: string,
  hash: string,
  field: string,
  value: string,
): RedisCommand[] {
  return [
    ["HSET", `${PREFIX}:${type}:${pid}:metric:${hash}`, "value", value, "timestamp", "0.0"],
    ["HSET", `${PREFIX}:${type}:${pid}:meta:${hash}`, "original_key", field],
  ];
}

externalTest(
  "openRedisReader() reads what the Python exporter stored",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await connect(server.port);
    const hashes = Object.entries(SEED);
    await send(
      connection,
      ...hashes.map(([key, { value }]) => ["HSET", key, ...Object.entries(value).flat()] as const),
    );
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX, python: true });
    const snapshot = await reader.read();
    assertEquals(linesOf(snapshot), SEED_LINES.toSorted());
    assertEquals(snapshot.problems, []);
    assertEquals(snapshot.writers, { live: 0, dead: 0, unknown: 2 });
    assertEquals(new Set(snapshot.sources.map(({ liveness }) => liveness)), new Set(["unknown"]));
    assertEquals(sourceNamed(snapshot, "counter:15457").startTime, Infinity);
    assertEquals(reader.stats.roundTrips, 1);

    // With our own writers beside them, and without having been asked for.
    await write(connection, {
      name: "jobs",
      fields: { [sampleKey("jobs_total", { q: "x" })]: "1" },
    });
    const scans = (await commandCounts(connection)).get("scan");
    const mixed = await reader.read();
    assertEquals(mixed.writers, { live: 1, dead: 0, unknown: 2 });
    assertStrictEquals(
      sourceNamed(mixed, "counter:15457").keys,
      sourceNamed(snapshot, "counter:15457").keys,
    );
    assertEquals((await commandCounts(connection)).get("scan"), scans);
    await using without = openRedisReader({ connection, keyPrefix: PREFIX });
    assertEquals((await without.read()).sources.map(({ writer }) => writer), [WRITER]);
  },
);

externalTest("openRedisReader() reads Python's odd values", ["redis-server"], async () => {
  await using server = await startRedis();
  await using connection = await connect(server.port);
  const name = (metric: string): string => sampleKey(metric);
  await send(
    connection,
    ...sample("gauge_all", "1", "a", name("infinite"), "inf"),
    ...sample("gauge_all", "1", "b", name("low"), "-inf"),
    ...sample("gauge_all", "1", "c", name("none"), "nan"),
    ...sample("gauge_all", "1", "d", name("small"), "1e-05"),
    ...sample("gauge", "1", "e", name("modeless"), "2.5"),
    ...sample("gauge", "1", "a", name("infinite"), "0.0"),
    ...sample("gauge_all", "1", "garbage", name("garbage"), "0x10"),
    ["SET", `${PREFIX}:counter:1:metric:wrong`, "text"],
    ["HSET", `${PREFIX}:counter:1:meta:wrong`, "original_key", name("wrong")],
    ["HSET", `${PREFIX}:counter:1:metric:nameless`, "value", "1.0"],
    ["HSET", `${PREFIX}:counter:host:metric:other`, "value", "1.0"],
    ["HSET", `${PREFIX}:unknown:1:metric:other`, "value", "1.0"],
  );
  // A family of our own whose key looks like one of Python's.
  await write(connection, { writer: "77", fields: { [sampleKey("own")]: "1" } });
  await using reader = openRedisReader({ connection, keyPrefix: PREFIX, python: true });
  const snapshot = await reader.read();
  assertEquals(linesOf(snapshot), [
    'infinite{pid="1"} +Inf',
    'low{pid="1"} -Inf',
    'modeless{pid="1"} 2.5',
    'none{pid="1"} NaN',
    "own 1",
    'small{pid="1"} 0.00001',
  ]);
  const data = (hash: string): string => `${PREFIX}:counter:1:metric:${hash}`;
  const problems = new Map(snapshot.problems.map(({ source, message }) => [source, message]));
  assertEquals(problems.get(data("wrong")), "It holds a value of another type");
  assertEquals(
    problems.get(data("nameless")),
    `Its name is not in "${data("nameless").replace("metric", "meta")}"`,
  );
  assertEquals(
    problems.get(`${PREFIX}:gauge_all:1:metric:garbage`),
    'Its value holds "0x10", expected a number',
  );
});

externalTest(
  "openRedisReader() finds Python's new keys in the background",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await connect(server.port);
    await using reader = openRedisReader({
      connection,
      keyPrefix: PREFIX,
      python: true,
      searchIntervalMs: 1,
    });
    assertEquals(linesOf(await reader.read()), []);
    await send(connection, ...sample("counter", "1", "a", sampleKey("x_total"), "1.0"));
    const isThere = async (): Promise<boolean> =>
      linesOf(await reader.read()).includes("x_total 1");
    await waitFor(isThere, { what: "the new key" });
    await send(connection, ["DEL", `${PREFIX}:counter:1:metric:a`]);
    assertEquals(linesOf(await reader.read()), []);
    const read = reader.read();
    await reader[Symbol.asyncDispose]();
    await read;
    const scans = (await commandCounts(connection)).get("scan");
    assertNotEquals(scans, undefined);
    assertEquals((await commandCounts(connection)).get("scan"), scans);
  },
);

externalTest(
  "openRedisReader() searches when the server is there at last",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using connection = await connect(server.port);
    await send(connection, ...sample("counter", "1", "a", sampleKey("x_total"), "1.0"));
    let failures = 0;
    connection.before = () =>
      failures++ < 2 ? Promise.reject(new Error("not yet")) : Promise.resolve();
    await using reader = openRedisReader({ connection, keyPrefix: PREFIX, python: true });
    assertEquals(linesOf(await reader.read()), ["x_total 1"]);
    assertEquals(failures > 2, true);
  },
);

Deno.test("parsePythonKey() reads keys from the right of the prefix", () => {
  const prefix = "a:b[*]";
  const keys = redisKeys(prefix);
  assertEquals(parsePythonKey(prefix, keys, `${prefix}:gauge_livesum:12:metric:ff`)?.family, {
    ...{ kind: "gauge", mode: "livesum", writer: "12", hash: "ff" },
  });
  for (
    const text of [
      `${prefix}:counter:12:meta:ff`,
      `${prefix}:counter:12@host~a:metric:ff`,
      `${prefix}:counter:12:metric:`,
      `${prefix}:counter:12:metric:ff:more`,
      `${prefix}:gauge_no:12:metric:ff`,
      `other:counter:12:metric:ff`,
    ]
  ) assertEquals(parsePythonKey(prefix, keys, text), undefined, text);
});

Deno.test("parsePythonNumber() reads what Python prints, and nothing else", () => {
  const numbers = ["3.0", "1e+16", "1e-05", "-0.0", "inf", "-inf", "nan", "5e-324"];
  assertEquals(numbers.map(parsePythonNumber), [
    3,
    1e16,
    1e-5,
    -0,
    Infinity,
    -Infinity,
    NaN,
    5e-324,
  ]);
  for (const text of ["", " 1", "0x10", "1_0", "Infinity", "1".repeat(500), null]) {
    assertEquals(parsePythonNumber(text), undefined);
  }
});
