import { assertEquals } from "@std/assert";
import type * as prom from "prom-client";
import { createRandom } from "../../support/random.ts";
import { openSharing } from "./sharing.ts";
import { assertSame, ours, type Stage } from "./support.ts";

const ROUNDS = 150;
const STEPS = 40;

const VALUES = [0, 0, 1, -1, 2.5];
/** Of the same series several, and of another metric's all but one. */
const LABELS = [{ a: 1 }, { b: 2, a: 1 }, { a: "1", b: 2 }, { b: "x" }, {}] as const;

type AnyGauge = prom.Gauge<"a" | "b"> & { labelNames: string[]; collect?: () => unknown };

const COLLECTS: readonly ((this: AnyGauge) => unknown)[] = [
  () => {},
  function () {
    update(this, "set", { a: 1 }, 9);
  },
  async function () {
    await Promise.resolve();
    update(this, "inc", { b: "x" }, 2);
  },
  function () {
    this.reset();
    update(this, "set", { b: 2, a: 1 }, 3);
  },
  () => {
    throw new Error("no value");
  },
  () => Promise.reject(new Error("no value")),
];

function update(
  gauge: AnyGauge,
  method: "set" | "inc" | "dec",
  labels: object,
  value: number,
): void {
  if (gauge.labelNames.length === 0) gauge[method](value);
  else gauge[method](labels, value);
}

/** What a gauge shows, as it is printed for all workers. */
async function samplesOf(gauge: AnyGauge): Promise<string[]> {
  return (await gauge.get()).values.map(({ labels, value }) => {
    const texts = Object.entries(labels).sort().map(([name, text]) => `${name}="${text}"`);
    const { name } = gauge as unknown as { name: string };
    return `${name}${texts.length === 0 ? "" : `{${texts}}`} ${value}`;
  });
}

Deno.test("a gauge looks as prom-client's does, and is stored as it looks, whatever is done to it", async () => {
  for (let round = 1; round <= ROUNDS; round++) {
    using sharing = openSharing();
    await assertSame(async (stage) => {
      const { gauges, registries } = await misuse(stage, round);
      if (stage.Gauge !== ours.Gauge) return;
      const shown: string[] = [];
      for (const gauge of gauges) {
        const { name } = gauge as unknown as { name: string };
        if (!registries.some((registry) => registry.getSingleMetric(name) === gauge)) continue;
        gauge.collect = () => {};
        shown.push(...await samplesOf(gauge));
      }
      assertEquals((await sharing.page()).sort(), shown.sort(), `round ${round}`);
    });
  }
});

/** Does odd things in a random order. */
async function misuse(stage: Stage, round: number) {
  const random = createRandom(round);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const registries = [stage.newRegistry(), stage.newRegistry()] as const;
  const gauges = ["g", "h", "i"].map((name) =>
    new stage.Gauge({
      name,
      help: "h",
      labelNames: pick([[], ["a", "b"]]),
      registers: pick([[registries[0]], [registries[1]], [...registries], []]),
      // Of several workers one series.
      aggregator: "max",
      ...pick([{}, { collect: pick(COLLECTS) }]),
    } as never) as AnyGauge
  );
  const isRegistered = (gauge: AnyGauge) =>
    registries.some((registry) => registry.getMetricsAsArray().includes(gauge as never));
  for (let step = 0; step < STEPS; step++) {
    const [gauge, registry, labels, value] = [
      pick(gauges),
      pick(registries),
      pick(LABELS),
      pick(VALUES),
    ];
    const args = gauge.labelNames.length === 0 ? [] : [labels as never] as const;
    await stage.note(pick<() => unknown>([
      () => update(gauge, pick(["set", "inc", "dec"]), labels, value),
      () => gauge.labels(...args).set(value),
      () => void gauge.labels(...args),
      () => gauge.remove(...args as []),
      () => gauge.reset(),
      () => registry.registerMetric(gauge),
      () => registry.removeSingleMetric((gauge as unknown as { name: string }).name),
      () => pick([() => registry.clear(), () => registry.resetMetrics()])(),
      // As the storage does every second.
      () => isRegistered(gauge) ? gauge.get().then(() => {}) : undefined,
      () => registry.metrics(),
    ]));
  }
  return { gauges, registries };
}
