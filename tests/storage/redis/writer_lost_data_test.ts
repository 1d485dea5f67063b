import { assert, assertEquals, assertMatch } from "@std/assert";
import { fencingTest, loseNext } from "./fencing_scene.ts";
import { readTotals, restoreSnapshot, takeSnapshot } from "./totals.ts";

fencingTest("everything is written again after all data was lost", async (scene) => {
  const { writer, connection, keys } = scene;
  scene.grow();
  await writer.flush();
  await scene.retire();
  scene.grow();
  await writer.flush();
  await connection.ask("FLUSHALL");
  scene.growOne(0);
  await writer.flush();
  await scene.expectExact();
  assertEquals(await connection.ask("SCARD", keys.families), 4);
  assertEquals(await connection.ask("HLEN", keys.writers), 1);
});

fencingTest("everything is written again when others began anew", async (scene) => {
  const { writer, connection, keys } = scene;
  scene.grow();
  await writer.flush();
  await connection.ask("FLUSHALL");
  await connection.ask("SET", keys.epoch, "another");
  loseNext(scene, "reply lost");
  scene.growOne(3);
  await writer.flush();
  await writer.flush();
  await scene.expectExact();
  assertEquals(await connection.ask("GET", keys.epoch), "another");
});

fencingTest("data that ended in a long silence is written again, all of it", async (scene) => {
  const { writer, connection, keys } = scene;
  scene.grow();
  await writer.flush();
  // Some hours later: the number of the last script lives longer than what was written before it.
  scene.nowMs += 22 * 3600_000;
  for (const family of await connection.ask("SMEMBERS", keys.families) as string[]) {
    await connection.ask("DEL", keys.data(family), keys.meta(family));
  }
  scene.growOne(0);
  await writer.flush();
  await scene.expectExact();
  assert(writer.flushed);
});

fencingTest(
  "data of an older state is brought up to date, with what differs alone",
  async (scene) => {
    const { writer, connection, outcomes } = scene;
    scene.grow();
    await writer.flush();
    await scene.retire();
    scene.grow();
    await writer.flush();
    await takeSnapshot(connection, 1);
    for (let i = 0; i < 5; i++) {
      scene.growOne(i);
      await writer.flush();
    }
    await restoreSnapshot(connection, 1);
    scene.growOne(7);
    await writer.flush();
    await scene.expectExact();
    assertEquals(outcomes.at(-1)?.result, "refused");
    // One in the script that was refused, six in the one that was not.
    assertEquals(outcomes.at(-1)?.fields, 7);
    assertEquals(writer.writer, "7@host~abc-2");
  },
);

fencingTest(
  "data from before a retirement: what is there of the predecessor counts",
  async (scene) => {
    const { writer, connection, keys } = scene;
    scene.grow();
    await writer.flush();
    await takeSnapshot(connection, 1);
    scene.grow();
    await writer.flush();
    await scene.retire();
    scene.grow();
    await writer.flush();
    await restoreSnapshot(connection, 1);
    const before = await readTotals(connection, keys);
    const run = connection.run;
    connection.run = async (...call) => {
      const reply = await run(...call);
      const totals = await readTotals(connection, keys);
      for (const [key, value] of before) assert((totals.get(key) ?? 0) >= value);
      return reply;
    };
    scene.grow();
    await writer.flush();
    await scene.expectExact();
    assertMatch(String(await connection.ask("GET", keys.tombstone("7@host~abc"))), /^2 \d+$/);
    connection.run = run;
    await scene.retire();
    await scene.expectExact();
    scene.grow();
    await writer.flush();
    await scene.expectExact();
  },
);

fencingTest("data from before several retirements, with replies lost on the way", async (scene) => {
  const { writer, connection } = scene;
  for (let i = 0; i < 4; i++) {
    scene.grow();
    await writer.flush();
    if (i === 1) await takeSnapshot(connection, 1);
    await scene.retire();
  }
  scene.grow();
  await writer.flush();
  await restoreSnapshot(connection, 1);
  for (
    const [name, fate] of [
      ...[["flush", "reply lost"], ["send", "request lost"], ["bury", "reply lost"]] as const,
      ...[["bury", "request lost"], ["flush", "request lost"], ["remove", "reply lost"]] as const,
    ]
  ) {
    scene.growOne(5);
    loseNext(scene, fate, name);
    await writer.flush();
  }
  connection.fate = () => "fine";
  scene.grow();
  await writer.flush();
  await scene.expectExact();
  await scene.retire();
  scene.grow();
  await writer.flush();
  await scene.expectExact();
});

fencingTest("the epoch alone was removed: what is there is written over", async (scene) => {
  const { writer, connection, keys } = scene;
  for (let i = 0; i < 3; i++) {
    scene.grow();
    await writer.flush();
  }
  await connection.ask("DEL", keys.epoch);
  scene.grow();
  await writer.flush();
  await scene.expectExact();
  scene.grow();
  await writer.flush();
  await scene.expectExact();
});
