import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { setAbsent } from "../../../src/core/absent.ts";
import { familyHash, formatFamily } from "../../../src/storage/redis/keys.ts";
import { externalTest } from "../../support/externals.ts";
import { waitFor } from "../../support/wait_for.ts";
import { keyOf, put, readHash, type WriterScene, writerScene } from "./writer_scene.ts";

const ID = "7@host~abc";

function redisTest(title: string, run: () => Promise<void>): void {
  externalTest(title, ["redis-server"], run);
}

redisTest("flush() stores the text of every value under its sample key", async () => {
  await using scene = await writerScene();
  const { writer, connection, keys } = scene;
  const values = [0, -0, 0.1, 1e15, 5e-324, 514.5000000000001, Infinity, -Infinity, NaN];
  for (const [i, value] of values.entries()) {
    put(writer.allocate("counter", undefined, keyOf("x", { i: `${i}` })), value);
  }
  const removed = writer.allocate("gauge", "max", keyOf("g"));
  setAbsent(removed.values, removed.index);
  const timed = writer.allocate("gauge", "mostrecent", keyOf("t"));
  put(timed, 7);
  timed.values[timed.timestampIndex] = 1_700_000_000.25;
  await writer.flush();
  const texts = ["0", "-0", "0.1", "1000000000000000", "5e-324", "514.5000000000001"];
  texts.push("Infinity", "-Infinity", "NaN");
  assertEquals(
    await scene.stored("counter", undefined, "x"),
    new Map(texts.map((text, i) => [keyOf("x", { i: `${i}` }), text])),
  );
  assertEquals(await scene.stored("gauge", "max", "g"), new Map([[keyOf("g"), "absent"]]));
  assertEquals(
    await scene.stored("gauge", "mostrecent", "t"),
    new Map([[keyOf("t"), "7 1700000000.25"]]),
  );
  const family = formatFamily({
    kind: "gauge",
    mode: "max",
    writer: ID,
    hash: familyHash("g"),
  });
  assertEquals(Object.fromEntries(await readHash(connection, keys.meta(family))), {
    type: "gauge",
    mode: "max",
    name: "g",
    help: "Help",
    version: "1",
  });
  const families = await connection.ask("SMEMBERS", keys.families) as string[];
  assertEquals(families.length, 3);
  assert(families.includes(family));
  assertEquals([...(await readHash(connection, keys.writers)).keys()], [ID]);
  assertEquals(await connection.ask("GET", keys.alive(ID)), "1");
});

redisTest("flush() sends what changed, and nothing when nothing did", async () => {
  await using scene = await writerScene();
  const { writer, outcomes } = scene;
  const cells = Array.from(
    { length: 50 },
    (_, i) => writer.allocate("counter", undefined, keyOf(`m${i % 5}`, { i: `${i}` })),
  );
  await writer.flush();
  assertEquals(outcomes.at(-1)?.fields, 50);
  const calls = await callsOf(scene, "hset");
  for (const cell of cells) for (let i = 0; i < 1000; i++) cell.values[cell.index]! += 0.5;
  assertEquals(await callsOf(scene, "hset"), calls);
  await writer.flush();
  assertEquals(outcomes.at(-1)?.fields, 50);
  put(cells[7]!, 1);
  put(cells[12]!, 2);
  await writer.flush();
  assertEquals(outcomes.at(-1)?.fields, 2);
  assertEquals(outcomes.at(-1)?.commands, 1);
  assertEquals(await callsOf(scene, "hset"), calls + 5 + 1);
  const flushes = outcomes.length;
  await writer.flush();
  assertEquals(outcomes.length, flushes);
});

redisTest("flush() sees differences that no comparison of numbers shows", async () => {
  await using scene = await writerScene();
  const { writer, outcomes } = scene;
  const cell = writer.allocate("gauge", "all", keyOf("g"));
  await writer.flush();
  put(cell, -0);
  await writer.flush();
  assertEquals(outcomes.at(-1)?.fields, 1);
  put(cell, NaN);
  await writer.flush();
  assertEquals(outcomes.length, 3);
  await writer.flush();
  assertEquals(outcomes.length, 3);
  setAbsent(cell.values, cell.index);
  await writer.flush();
  assertEquals(await scene.stored("gauge", "all", "g"), new Map([[keyOf("g"), "absent"]]));
  await writer.flush();
  assertEquals(outcomes.length, 4);
});

redisTest("flush() of 5,000 series takes five scripts after the one that begins", async () => {
  await using scene = await writerScene();
  const { writer, outcomes } = scene;
  for (let i = 0; i < 5000; i++) {
    const name = i < 2500 ? "one" : `many${i % 700}`;
    put(writer.allocate("counter", undefined, keyOf(name, { i: `${i}` })), i);
  }
  assertEquals(await callsOf(scene, "evalsha"), 0);
  await writer.flush();
  assertEquals(await callsOf(scene, "evalsha"), 6);
  assertEquals(outcomes.at(-1)?.fields, 5000);
  const one = await scene.stored("counter", undefined, "one");
  assertEquals(one.size, 2500);
  assertStrictEquals(one.get(keyOf("one", { i: "2499" })), "2499");
});

redisTest("flush() ends a script at 1 MiB", async () => {
  await using scene = await writerScene();
  const { writer } = scene;
  for (let i = 0; i < 30; i++) {
    writer.allocate("counter", undefined, keyOf("x", { l: "x".repeat(100_000), i: `${i}` }));
  }
  await writer.flush();
  assertEquals((await scene.stored("counter", undefined, "x")).size, 30);
  assertEquals(await callsOf(scene, "evalsha"), 4);
});

redisTest("flush() covers what changed while another one ran", async () => {
  await using scene = await writerScene();
  const { writer } = scene;
  const cell = writer.allocate("counter", undefined, keyOf("x"));
  put(cell, 1);
  const first = writer.flush();
  put(cell, 2);
  const second = writer.flush();
  assertStrictEquals(writer.flush(), second);
  await Promise.all([first, second]);
  assertEquals(await scene.stored("counter", undefined, "x"), new Map([[keyOf("x"), "2"]]));
});

redisTest("changes are sent by themselves, quiet ones with others or a heartbeat", async () => {
  await using scene = await writerScene({
    flushIntervalMs: 2,
    isQuiet: (name) => name === "quiet",
  });
  const { writer } = scene;
  const isStored = (name: string, text: string): Promise<true> =>
    waitFor(async () => {
      const stored = await scene.stored("counter", undefined, name);
      return stored.get(keyOf(name)) === text;
    });
  const quiet = writer.allocate("counter", undefined, keyOf("quiet"));
  const loud = writer.allocate("counter", undefined, keyOf("loud"));
  await isStored("quiet", "0");
  for (let i = 1; i <= 3; i++) {
    put(loud, i);
    await isStored("loud", `${i}`);
    put(quiet, i);
    put(loud, i + 0.5);
    await isStored("loud", `${i + 0.5}`);
    assertEquals([...(await scene.stored("counter", undefined, "quiet")).values()], [`${i}`]);
  }
  put(quiet, 4);
  scene.nowMs += 100_000;
  await isStored("quiet", "4");
});

redisTest("the heartbeat goes on while nothing changes", async () => {
  await using scene = await writerScene({ flushIntervalMs: 2 });
  const { connection, keys, outcomes } = scene;
  for (let beats = 1; beats <= 4; beats++) {
    await waitFor(() => outcomes.filter(({ result }) => result === "ok").length === beats);
    await connection.ask("PEXPIRE", keys.alive(ID), "60000");
    scene.nowMs += 100_000;
    await waitFor(async () => Number(await connection.ask("PTTL", keys.alive(ID))) > 200_000);
  }
  assert(outcomes.every(({ fields }) => fields === 0));
});

redisTest(
  "data lives while nothing changes, also when it would not outlive a heartbeat",
  async () => {
    await using scene = await writerScene({
      flushIntervalMs: 2,
      ttlMs: 300_000_000,
      dataLifeMs: 800_000,
    });
    const { writer, connection, keys } = scene;
    writer.allocate("counter", undefined, keyOf("x"));
    await writer.flush();
    const family = { kind: "counter", mode: undefined, writer: ID, hash: familyHash("x") } as const;
    for (const key of [keys.data(formatFamily(family)), keys.sequence(ID), keys.epoch]) {
      await connection.ask("PEXPIRE", key, "60000");
      scene.nowMs += 100_000;
      await waitFor(async () => Number(await connection.ask("PTTL", key)) > 700_000);
    }
  },
);

redisTest("closing flushes, ends the heartbeat, and may be done twice", async () => {
  await using scene = await writerScene();
  const { writer, connection, keys } = scene;
  const cell = writer.allocate("counter", undefined, keyOf("x"));
  await writer.flush();
  put(cell, 3);
  await Promise.all([writer[Symbol.asyncDispose](), writer[Symbol.asyncDispose]()]);
  assertEquals([...(await scene.stored("counter", undefined, "x")).values()], ["3"]);
  assertEquals(await connection.ask("EXISTS", keys.alive(ID)), 0);
  put(writer.allocate("counter", undefined, keyOf("y")), 1);
  await writer.flush();
  assertEquals((await scene.stored("counter", undefined, "y")).size, 0);
  assertEquals(await connection.ask("EXISTS", keys.alive(ID)), 0);
});

redisTest("closing waits for a server that comes back soon", async () => {
  await using scene = await writerScene({ closeTimeoutMs: 30_000 });
  const { writer, connection, keys } = scene;
  const cell = writer.allocate("counter", undefined, keyOf("x"));
  await writer.flush();
  put(cell, 3);
  let tries = 0;
  connection.fate = () => ++tries > 2 ? "fine" : "request lost";
  await writer[Symbol.asyncDispose]();
  assertEquals([...(await scene.stored("counter", undefined, "x")).values()], ["3"]);
  assertEquals(await connection.ask("EXISTS", keys.alive(ID)), 0);
});

redisTest("closing does not wait for a server that never worked", async () => {
  await using scene = await writerScene({ closeTimeoutMs: 2 ** 30 });
  const { writer, connection, outcomes } = scene;
  put(writer.allocate("counter", undefined, keyOf("x")), 1);
  connection.fate = () => "request lost";
  await writer[Symbol.asyncDispose]();
  assertEquals(outcomes.map(({ result }) => result), ["failed"]);
});

redisTest("closing does not wait for a server that is stopped", async () => {
  await using scene = await writerScene({ closeTimeoutMs: 50 });
  const { writer, connection } = scene;
  put(writer.allocate("counter", undefined, keyOf("x")), 1);
  const { promise, resolve } = Promise.withResolvers<never>();
  const run = connection.run;
  connection.run = (...args) => promise.then(() => run(...args));
  await writer[Symbol.asyncDispose]();
  assertEquals((await scene.stored("counter", undefined, "x")).size, 0);
  resolve(undefined as never);
});

redisTest("keys live as long as somebody renews them", async () => {
  const dataLifeMs = 1_000_000;
  await using scene = await writerScene({ dataLifeMs });
  const { writer, connection, keys } = scene;
  const family = { kind: "counter", mode: undefined, hash: familyHash("x") } as const;
  const own = formatFamily({ ...family, writer: ID });
  const retired = formatFamily({ ...family, writer: "~retired" });
  await connection.ask("SADD", keys.families, retired);
  await connection.ask("HSET", keys.data(retired), keyOf("x"), "1");
  await connection.ask("PEXPIRE", keys.data(retired), "5000");
  const cell = writer.allocate("counter", undefined, keyOf("x"));
  await writer.flush();
  const lives = async (...names: string[]): Promise<number[]> =>
    await Promise.all(names.map(async (key) => Number(await connection.ask("PTTL", key))));
  const data = [keys.data(own), keys.meta(own), keys.data(retired)];
  const catalogue = [keys.epoch, keys.generation, keys.writers, keys.families];
  assert((await lives(...data, keys.sequence(ID))).every((life) => life > 9e5 && life <= 1e6));
  assert((await lives(...catalogue)).every((life) => life > 19e5 && life <= 2e6));
  for (const key of [...data, ...catalogue]) await connection.ask("PEXPIRE", key, "5000");
  put(cell, 1);
  await writer.flush();
  assert((await lives(...data, ...catalogue)).every((life) => life <= 5000));
  scene.nowMs += dataLifeMs / 8;
  put(cell, 2);
  await writer.flush();
  assert((await lives(...data)).every((life) => life > 9e5 && life <= 1e6));
  assert((await lives(...catalogue)).every((life) => life > 19e5 && life <= 2e6));
});

redisTest("keys live for ever when the life of data is 0", async () => {
  await using scene = await writerScene({ dataLifeMs: 0 });
  const { writer, connection, keys } = scene;
  writer.allocate("counter", undefined, keyOf("x"));
  await writer.flush();
  const all = await connection.ask("KEYS", "*") as string[];
  assertEquals(all.length, 8);
  for (const key of all) {
    const life = Number(await connection.ask("PTTL", key));
    assertEquals(life < 0, key !== keys.alive(ID));
  }
});

redisTest("a key of another type spoils its own family alone, and is named once", async () => {
  await using scene = await writerScene();
  const { writer, connection, keys, problems } = scene;
  const bad = formatFamily({
    kind: "counter",
    mode: undefined,
    writer: ID,
    hash: familyHash("bad"),
  });
  await connection.ask("SET", keys.data(bad), "foreign");
  const cells = ["bad", "good"].map((name) => writer.allocate("counter", undefined, keyOf(name)));
  await writer.flush();
  for (const cell of cells) put(cell, 1);
  await writer.flush();
  assertEquals([...(await scene.stored("counter", undefined, "good")).values()], ["1"]);
  assertEquals(await connection.ask("GET", keys.data(bad)), "foreign");
  assertEquals(problems.length, 1);
  assertMatch(
    problems[0]?.message ?? "",
    /^Cannot write metrics of writer "7@host~abc": .*WRONGTYPE/,
  );
});

redisTest("allocate() gives heap memory for the mode omit", async () => {
  await using scene = await writerScene();
  const { writer, outcomes } = scene;
  put(writer.allocate("gauge", "omit", keyOf("g")), 1);
  await writer.flush();
  assertEquals(outcomes, []);
  assertEquals(writer.unstored, 0);
});

/** How often the server ran a command. */
async function callsOf({ connection }: WriterScene, command: string): Promise<number> {
  const info = String(await connection.ask("INFO", "commandstats"));
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(info)?.[1] ?? 0);
}

redisTest(
  "a flush that is due while another one waits is told as delayed, and made up for",
  async () => {
    await using scene = await writerScene({ flushIntervalMs: 5 });
    const { writer, connection, outcomes } = scene;
    const cell = writer.allocate("counter", undefined, keyOf("x"));
    put(cell, 1);
    await waitFor(() => outcomes.some(({ result }) => result === "ok"));
    await connection.ask("CLIENT", "PAUSE", "1000", "WRITE");
    put(cell, 2);
    await waitFor(() => outcomes.some(({ result }) => result === "delayed"));
    put(cell, 3);
    await waitFor(async () =>
      (await scene.stored("counter", undefined, "x")).get(keyOf("x")) === "3"
    );
    assertEquals(outcomes.filter(({ result }) => result === "failed"), []);
  },
);
