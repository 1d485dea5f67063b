import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import type { Cell } from "../../../src/core/storage.ts";
import { createRedisRetirer } from "../../../src/storage/redis/retire.ts";
import { externalTest } from "../../support/externals.ts";
import { createRandom, randomDoubles } from "../../support/random.ts";
import { readTotals, restoreSnapshot, takeSnapshot } from "./totals.ts";
import { keyOf, PREFIX, put, type WriterScene, writerScene } from "./writer_scene.ts";

/** A writer with some series that add up, of arbitrary doubles. */
interface Case extends WriterScene {
  readonly series: readonly (readonly [key: string, cell: Cell])[];
  /** Whether requests and replies get lost. */
  lossy: boolean;
  /** Adds to every series. */
  grow(): void;
  /** Adds to one series. */
  growOne(index: number): void;
  /** Retires the writer as if it had been silent for too long. */
  retire(): Promise<void>;
  /** Expects that the totals are those of the cells, bit for bit. */
  expectExact(): Promise<void>;
}

function fencingTest(title: string, run: (scene: Case) => Promise<void>): void {
  externalTest(title, ["redis-server"], async () => {
    await using scene = await writerScene();
    const { writer, connection, keys } = scene;
    const doubles = randomDoubles(50_000, title.length).map(Math.abs);
    const series = Array.from({ length: 30 }, (_, i) => {
      const key = keyOf(`m${i % 4}`, { i: `${i}` });
      const cell = i % 4 === 0
        ? writer.allocate("gauge", "sum", key)
        : writer.allocate(i % 4 === 1 ? "histogram" : "counter", undefined, key);
      return [key, cell] as const;
    });
    const growOne = (index: number): void => {
      const { values, index: slot } = (series[index] as typeof series[number])[1];
      const before = values[slot];
      while (values[slot] === before) {
        const double = doubles.pop();
        assert(double !== undefined, "all doubles are used up");
        values[slot]! += double;
      }
    };
    await run(Object.assign(scene, {
      series,
      lossy: true,
      growOne,
      grow: () => series.forEach((_, i) => growOne(i)),
      async retire() {
        await connection.ask("DEL", keys.alive(writer.writer));
        const options = { connection, keyPrefix: PREFIX, dataLifeMs: 86_400_000, ttlMs: 300_000 };
        await using retirer = createRedisRetirer(options);
        const { problems } = await retirer.retire({ patient: false });
        assertEquals(problems, []);
      },
      async expectExact() {
        const totals = await readTotals(connection, keys);
        for (const [key, { values, index }] of series) {
          assertStrictEquals(totals.get(key), values[index]);
        }
      },
    }));
  });
}

/** Lets the next script of a flush meet its fate. */
function loseNext(scene: Case, fate: "request lost" | "reply lost", name = "flush"): void {
  scene.connection.fate = (script) => {
    if (script !== name) return "fine";
    scene.connection.fate = () => "fine";
    return fate;
  };
}

fencingTest(
  "a lost reply changes nothing: the same script again is counted once",
  async (scene) => {
    const { writer, outcomes, connection, keys } = scene;
    scene.grow();
    loseNext(scene, "reply lost");
    await writer.flush();
    assertEquals(outcomes.map(({ result }) => result), ["failed"]);
    await scene.expectExact();
    scene.grow();
    await writer.flush();
    await scene.expectExact();
    assertEquals(outcomes.at(-1)?.result, "ok");
    assertEquals(outcomes.at(-1)?.fields, 60);
    assertEquals(await connection.ask("GET", keys.sequence(writer.writer)), "2");
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
  assertEquals(sent.length, 4);
  const answers = await Promise.all(sent.map((call) => run(...call)));
  assertEquals(answers.map((answer) => (answer as string[])[0]), [
    ...["behind", "behind", "behind", "ok"],
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
    assertMatch(String(await connection.ask("GET", keys.tombstone("7@host~abc"))), /^1 \d+$/);
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
