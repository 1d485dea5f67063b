import { assertGreater } from "@std/assert";
import type * as prom from "prom-client";
import { createRandom, randomDoubles } from "../../support/random.ts";
import { assertSame, type Stage } from "./support.ts";

const NAMES = ["c", "b", "a"] as const;
const VALUES = ["a", "b|c", 'q"uo\\te\n', 200, "200", 0, "", "é😀", -1.5, undefined];
const ROUNDS = 60;
const STEPS = 80;

type Update = (value: number) => void;

/** One metric of each type, and every way to update it. */
function makeMetrics(stage: Stage, registry: prom.Registry, labelled: boolean) {
  const options = { help: "h", labelNames: labelled ? NAMES : [], registers: [registry] };
  const name = labelled ? "l" : "p";
  const counter = new stage.Counter({ name: `${name}_c`, ...options });
  const gauge = new stage.Gauge({ name: `${name}_g`, ...options });
  const histogram = new stage.Histogram({
    name: `${name}_h`,
    buckets: [-2, 0, 0.1, 1e9],
    ...options,
  });
  const summary = new stage.Summary({
    name: `${name}_s`,
    ...options,
    percentiles: [0.5, 0.99],
    maxAgeSeconds: 20,
    ageBuckets: 4,
    pruneAgedBuckets: labelled,
  });
  return { counter, gauge, histogram, summary };
}

type Metrics = ReturnType<typeof makeMetrics>;
type LabelObject = prom.LabelValues<string>;

function updates({ counter, gauge, histogram, summary }: Metrics, labels: LabelObject): Update[] {
  return [
    (value) => counter.inc(labels, value),
    () => counter.inc(labels),
    (value) => gauge.set(labels, value),
    (value) => gauge.inc(labels, value),
    (value) => gauge.dec(labels, value),
    () => gauge.setToCurrentTime(labels),
    (value) => histogram.observe(labels, value),
    () => histogram.zero(labels),
    (value) => summary.observe(labels, value),
    () => counter.remove(labels),
    () => gauge.remove(labels),
    () => histogram.remove(labels),
    () => summary.remove(labels),
  ];
}

function keptUpdates({ counter, gauge, histogram, summary }: Metrics, values: string[]): Update[] {
  const kept = [
    counter.labels(...values),
    gauge.labels(...values),
    histogram.labels(...values),
    summary.labels(...values),
  ] as const;
  return [
    (value) => kept[0].inc(value),
    () => kept[0].inc(),
    (value) => kept[1].set(value),
    (value) => kept[1].inc(value),
    () => kept[1].dec(),
    (value) => kept[2].observe(value),
    (value) => kept[3].observe(value),
  ];
}

Deno.test("all metrics print prom-client's bytes when updates come in random order", async () => {
  const values = randomDoubles(ROUNDS * STEPS, 7);
  for (let round = 0; round < ROUNDS; round++) {
    const notes = await assertSame(async (stage) => {
      const random = createRandom(round + 1);
      const below = (limit: number) => Math.floor(random() * limit);
      const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
      const registry = stage.newRegistry();
      const both = [
        makeMetrics(stage, registry, true),
        makeMetrics(stage, registry, false),
      ] as const;
      const kept = ["a", "200", ""].flatMap((value) => keptUpdates(both[0], [value, "b|c", "a"]));
      const randomLabels = (): LabelObject => {
        const names = NAMES.filter(() => random() < 0.8);
        if (random() < 0.5) names.reverse();
        if (random() < 0.02) names.push("unknown" as "a");
        // An explicit `undefined` is a text in prom-client's JSON and page, but no part of the series.
        return Object.fromEntries(names.map((name) => [name, pick(VALUES)])) as LabelObject;
      };
      for (let step = 0; step < STEPS; step++) {
        const value = values[round * STEPS + step]!;
        const choice = random();
        if (choice < 0.45) {
          await stage.note(() => void pick(updates(both[0], randomLabels()))(value));
        } else if (choice < 0.6) await stage.note(() => void pick(updates(both[1], {}))(value));
        else if (choice < 0.85) await stage.note(() => void pick(kept)(value));
        else if (choice < 0.88) pick(Object.values(pick(both))).reset();
        else if (choice < 0.9) stage.advance(random() * 15);
        else if (choice < 0.91) registry.resetMetrics();
        else await stage.print(registry);
      }
      await stage.print(registry);
    });
    assertGreater(notes.length, 10);
  }
});
