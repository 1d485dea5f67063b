import { assert, assertEquals } from "@std/assert";
import { FLUSH_SCRIPT } from "../../../src/storage/redis/flush_script.ts";
import { createRandom } from "../../support/random.ts";
import { type Case, fencingTest } from "./fencing_scene.ts";
import { readTotals, restoreSnapshot, takeSnapshot } from "./totals.ts";

for (const seed of [1, 2, 3, 120, 139]) {
  fencingTest(
    `any sequence of faults leaves exact totals (${seed})`,
    (scene) => faults(scene, seed),
  );
}

/** Random faults, with a look at the totals after each step: without loss of data none is lower. */
async function faults(scene: Case, seed: number): Promise<void> {
  const { writer, connection, keys } = scene;
  const random = createRandom(seed);
  const pick = (count: number): number => Math.floor(random() * count);
  /** Of snapshots that are of the present past: how often the writer has been retired since. */
  let snapshots: number[] = [];
  // What a writer lost before it was retired, without having noticed the loss, nobody can know.
  let noticed = true;
  let before = new Map<string, number>();
  /** Scripts that may come once more, late. */
  const sent: Parameters<typeof connection.run>[] = [];
  const run = connection.run;
  connection.run = (...call) => {
    if (call[0] === FLUSH_SCRIPT) sent.push(call);
    return run(...call);
  };
  const flush = async (): Promise<void> => {
    let failed = false;
    const fate = scene.lossy ? 0.3 : 0;
    connection.fate = () => {
      const lost = random() < fate;
      failed ||= lost;
      return lost ? random() < 0.5 ? "reply lost" : "request lost" : "fine";
    };
    await writer.flush();
    connection.fate = () => "fine";
    if (!failed) noticed = true;
  };
  const steps: readonly [weight: number, step: () => Promise<void>][] = [
    [6, async () => {
      for (let i = pick(30); i >= 0; i--) scene.growOne(pick(30));
      await Promise.resolve();
    }],
    [8, flush],
    [2, async () => {
      const late = sent[pick(sent.length)];
      const answer = late === undefined ? undefined : await run(...late);
      if ((answer as string[] | undefined)?.[0] !== "ok") return;
      connection.reconnected++;
      noticed = false;
    }],
    [2, async () => {
      if (!noticed) return;
      await scene.retire();
      snapshots = snapshots.map((retired) => retired + 1);
    }],
    [0.4, async () => {
      await connection.ask("FLUSHDB");
      connection.reconnected++;
      snapshots = [];
      noticed = true;
      before.clear();
    }],
    [2, async () => {
      if (!noticed || snapshots.length === 15) return;
      snapshots.push(0);
      await takeSnapshot(connection, snapshots.length);
    }],
    [2, async () => {
      const which = pick(snapshots.length + 1);
      if (which === 0 || (snapshots[which - 1] as number) > 6) return;
      await restoreSnapshot(connection, which);
      connection.reconnected++;
      snapshots = snapshots.slice(0, which);
      noticed = false;
      before.clear();
    }],
  ];
  const sum = steps.reduce((sum, [weight]) => sum + weight, 0);
  for (let i = 0; i < 250; i++) {
    let at = random() * sum;
    const step = steps.find(([weight]) => (at -= weight) < 0)?.[1];
    await step?.();
    const totals = await readTotals(connection, keys);
    for (const [key, value] of before) assert((totals.get(key) ?? 0) >= value);
    before = totals;
  }
  connection.reconnected++;
  scene.lossy = false;
  await flush();
  await flush();
  await scene.expectExact();
}

fencingTest("an outage costs no memory, and totals are exact after it", async (scene) => {
  const { writer, connection, outcomes, problems } = scene;
  scene.grow();
  await writer.flush();
  connection.fate = () => "request lost";
  let waiting = 0;
  const run = connection.run;
  let most = 0;
  connection.run = async (...call) => {
    most = Math.max(most, ++waiting);
    try {
      return await run(...call);
    } finally {
      waiting--;
    }
  };
  for (let i = 0; i < 200; i++) {
    scene.growOne(i % 30);
    await Promise.all([writer.flush(), writer.flush(), writer.flush()]);
  }
  assertEquals(most, 1);
  assertEquals(problems.length, 1);
  assert(outcomes.slice(1).every(({ result, fields }) => result === "failed" && fields <= 30));
  connection.fate = () => "fine";
  await writer.flush();
  await scene.expectExact();
  assert(writer.flushed);
});
