import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { fencingTest, loseNext } from "./fencing_scene.ts";
import { readTotals } from "./totals.ts";
import { keyOf, put } from "./writer_scene.ts";

fencingTest(
  "a lost reply changes nothing: the same script again is counted once",
  async (scene) => {
    const { writer, outcomes, connection, keys } = scene;
    scene.grow();
    await writer.flush();
    scene.grow();
    loseNext(scene, "reply lost");
    await writer.flush();
    assertEquals(outcomes.map(({ result }) => result), ["ok", "failed"]);
    await scene.expectExact();
    scene.grow();
    await writer.flush();
    await scene.expectExact();
    assertEquals(outcomes.at(-1)?.result, "ok");
    assertEquals(outcomes.at(-1)?.fields, 60);
    assertEquals(await connection.ask("GET", keys.sequence(writer.writer)), "4");
  },
);

fencingTest("a lost request is sent again", async (scene) => {
  scene.grow();
  loseNext(scene, "request lost");
  await scene.writer.flush();
  assertEquals((await readTotals(scene.connection, scene.keys)).size, 0);
  await scene.writer.flush();
  await scene.expectExact();
});

fencingTest("an old script that comes late, after newer ones, changes nothing", async (scene) => {
  const { connection, writer } = scene;
  const run = connection.run;
  const sent: Parameters<typeof run>[] = [];
  connection.run = (...call) => {
    sent.push(call);
    return run(...call);
  };
  for (let i = 0; i < 4; i++) {
    scene.grow();
    await writer.flush();
  }
  assertEquals(sent.length, 5);
  const answers = await Promise.all(sent.map((call) => run(...call)));
  assertEquals(answers.map((answer) => (answer as string[])[0]), [
    ...["behind", "behind", "behind", "behind", "ok"],
  ]);
  await scene.expectExact();
});

fencingTest(
  "a writer that was retired while it was stopped goes on as another one",
  async (scene) => {
    const { writer, problems, outcomes } = scene;
    scene.grow();
    await writer.flush();
    await scene.retire();
    await scene.expectExact();
    assertEquals(writer.writer, "7@host~abc");
    scene.grow();
    await writer.flush();
    assertEquals(writer.writer, "7@host~abc-2");
    assertEquals(outcomes.at(-1)?.result, "refused");
    await scene.expectExact();
    for (let i = 0; i < 5; i++) {
      scene.growOne(i);
      await writer.flush();
      await scene.expectExact();
    }
    assertEquals(problems, []);
  },
);

fencingTest(
  "retired after a flush whose reply was lost: its values are counted once",
  async (scene) => {
    scene.grow();
    await scene.writer.flush();
    scene.grow();
    loseNext(scene, "reply lost");
    await scene.writer.flush();
    await scene.retire();
    scene.grow();
    await scene.writer.flush();
    await scene.expectExact();
  },
);

fencingTest("retired after a flush that never arrived: its values are not lost", async (scene) => {
  scene.grow();
  await scene.writer.flush();
  scene.grow();
  loseNext(scene, "request lost");
  await scene.writer.flush();
  await scene.retire();
  scene.grow();
  await scene.writer.flush();
  await scene.expectExact();
});

fencingTest("a chain of ten retirements is exact, and no total is ever lower", async (scene) => {
  const { writer, connection, keys } = scene;
  let before = new Map<string, number>();
  const look = async (): Promise<void> => {
    const totals = await readTotals(connection, keys);
    for (const [key, value] of before) assert((totals.get(key) ?? 0) >= value);
    before = totals;
  };
  for (let i = 0; i < 10; i++) {
    scene.grow();
    await writer.flush();
    await look();
    scene.growOne(i);
    await writer.flush();
    await look();
    await scene.retire();
    await look();
    await scene.expectExact();
  }
  await writer.flush(); // nothing changed: nobody notices
  assertEquals(writer.writer, "7@host~abc-10");
  scene.grow();
  await writer.flush();
  assertEquals(writer.writer, "7@host~abc-11");
  await scene.expectExact();
});

fencingTest("gauges of each writer of its own are removed with the incarnation", async (scene) => {
  const { writer, connection, keys } = scene;
  for (const mode of ["all", "liveall", "max", "livesum"] as const) {
    put(writer.allocate("gauge", mode, keyOf(mode)), 5);
  }
  await writer.flush();
  await scene.retire();
  put(writer.allocate("gauge", "all", keyOf("all", { more: "" })), 6);
  await writer.flush();
  const families = (await connection.ask("SMEMBERS", keys.families) as string[])
    .filter((family) => /^gauge_(?!sum)/.test(family)).map((family) => family.split(":", 2));
  const own = "7@host~abc-2";
  assertEquals(families.sort(), [
    ["gauge_all", own],
    ["gauge_liveall", own],
    ["gauge_livesum", own],
    ["gauge_max", own],
    ["gauge_max", "~retired"],
  ]);
});

fencingTest(
  "silent for longer than a tombstone stays: what was acknowledged was counted",
  async (scene) => {
    const { writer, connection, keys } = scene;
    scene.grow();
    await writer.flush();
    await scene.retire();
    await connection.ask("DEL", keys.tombstone(writer.writer));
    scene.nowMs += 25 * 3600 * 1000;
    scene.grow();
    await writer.flush();
    assertEquals(writer.writer, "7@host~abc-2");
    await scene.expectExact();
  },
);

fencingTest("infinite and NaN totals stay what they are", async (scene) => {
  const { writer, connection, keys } = scene;
  put(scene.series[0]![1], Infinity);
  put(scene.series[1]![1], NaN);
  put(scene.series[2]![1], -Infinity);
  scene.growOne(3);
  for (let i = 0; i < 3; i++) {
    await writer.flush();
    await scene.retire();
    scene.growOne(4);
  }
  scene.growOne(3);
  await writer.flush();
  const totals = await readTotals(connection, keys);
  assertStrictEquals(
    totals.get(scene.series[3]![0]),
    scene.series[3]![1].values[scene.series[3]![1].index],
  );
  assertEquals(scene.series.slice(0, 3).map(([key]) => totals.get(key)), [
    Infinity,
    NaN,
    -Infinity,
  ]);
});
