/** A writer that is retired, and whose data, requests and replies get lost. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Cell } from "../../../src/core/storage.ts";
import { createRedisRetirer } from "../../../src/storage/redis/retire.ts";
import { externalTest } from "../../support/externals.ts";
import { randomDoubles } from "../../support/random.ts";
import { readTotals } from "./totals.ts";
import { keyOf, PREFIX, type WriterScene, writerScene } from "./writer_scene.ts";

/** A writer with some series that add up, of arbitrary doubles. */
export interface Case extends WriterScene {
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

/** Registers a test on a real server. */
export function fencingTest(title: string, run: (scene: Case) => Promise<void>): void {
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
export function loseNext(scene: Case, fate: "request lost" | "reply lost", name = "flush"): void {
  scene.connection.fate = (script) => {
    if (script !== name) return "fine";
    scene.connection.fate = () => "fine";
    return fate;
  };
}
