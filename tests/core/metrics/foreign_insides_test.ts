/** The libraries whose values can be read without waiting are read as their own `get()` tells them. */
import { assertEquals, assertNotEquals } from "@std/assert";
import * as prom15 from "prom-client";
import prom14 from "npm:prom-client@14.2.0";
import prometheusIo from "npm:@prometheus-io/client@0.16.1";
import platformatic from "npm:@platformatic/prom-client@1.0.0";
import { storableOf } from "../../../src/core/foreign.ts";
import { insidesOf } from "../../../src/core/foreign_insides.ts";
import { mirrorAll, snapshotAll } from "../../../src/core/snapshot.ts";
import { createRandom } from "../../support/random.ts";
import { openStore } from "./store_support.ts";

type Library = Pick<typeof prom15, "Counter" | "Gauge" | "Histogram" | "Summary" | "Registry">;

const LIBRARIES: Readonly<Record<string, Library>> = {
  "prom-client 15": prom15,
  "prom-client 14": prom14 as unknown as Library,
  "@prometheus-io/client 0.16": prometheusIo as unknown as Library,
  "@platformatic/prom-client 1": platformatic as unknown as Library,
};

const help = "h";
const LABELS = ["a", "a|b", 'q"\\\n', "", "b:1,", 7];

for (const [name, library] of Object.entries(LIBRARIES)) {
  Deno.test(`mirrorAll() copies what get() of ${name} tells, after each update and reset`, async () => {
    const registry = new library.Registry();
    const options = { help, labelNames: ["a", "b"], registers: [registry] };
    const metrics = [
      new library.Counter({ name: "c_total", ...options }),
      new library.Gauge({ name: "g", ...options }),
      new library.Histogram({ name: "h", buckets: [0.5, 1, 20, Infinity], ...options }),
      new library.Summary({ name: "s", ...options }),
      new library.Counter({ name: "pc", help, registers: [registry] }),
      new library.Gauge({ name: "pg", help, registers: [registry], aggregator: "max" }),
      new library.Histogram({ name: "ph", help, registers: [registry] }),
      new library.Summary({ name: "ps", help, registers: [registry] }),
    ] as const;
    const [c, g, h, s, pc, pg, ph, ps] = metrics;
    // What has nothing but `get()` is copied by asking that.
    const asked = metrics.map((metric) => ({
      name: (metric as unknown as { name: string }).name,
      get: () => metric.get(),
    }));
    for (const metric of metrics) assertNotEquals(insidesOf(metric), undefined);
    const read = metrics.map(storableOf);
    const told = asked.map(storableOf);
    for (const tracked of [...read, ...told]) tracked.joined(registry);
    const [mirrored, snapshotted] = [openStore(...read), openStore(...told)];

    const random = createRandom(3);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    let values: Record<string, number | "absent"> = {};
    const copy = async (): Promise<void> => {
      mirrorAll(mirrored.store, (error) => {
        throw error;
      });
      assertEquals(await snapshotAll(snapshotted.store), 0);
      values = await mirrored.read();
      assertEquals(values, await snapshotted.read());
    };
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 20; i++) {
        const labels = random() < 0.1 ? { a: "z" } : { b: pick(LABELS), a: pick(LABELS) };
        const value = Math.round(random() * 4096) / 128;
        pick([
          () => c.inc(labels, value),
          () => g.set(labels, value),
          () => g.inc({ a: labels.a, b: 0 }),
          () => h.observe(labels, value),
          () => s.observe(labels, value),
          () => pc.inc(),
          () => pg.set(-value),
          () => ph.observe(value),
          () => ps.observe(value),
        ])();
      }
      await copy();
      if (round % 20 === 13) { for (const metric of metrics) metric.reset(); }
      if (round % 20 === 17) {
        for (const metric of [c, g, h, s]) metric.remove({ a: pick(LABELS), b: pick(LABELS) });
      }
      // A total that was set back and soon is higher than before looks to who asks as if it had grown.
      await copy();
    }
    assertNotEquals(values["counter pc{}"], undefined);
  });
}

for (const [name, library] of Object.entries(LIBRARIES)) {
  Deno.test(`a counter of ${name} that collect() sets by reset() and inc() is counted once`, async () => {
    const registry = new library.Registry();
    let total = 100;
    const options = { help, registers: [registry] };
    const metrics = [
      new library.Counter({
        name: "bare_total",
        ...options,
        collect() {
          this.reset();
          this.inc(total);
        },
      }),
      new library.Counter({
        name: "labelled_total",
        labelNames: ["l"],
        ...options,
        async collect() {
          await Promise.resolve();
          this.reset();
          for (const l of ["x", "y"]) this.inc({ l }, total);
        },
      }),
    ];
    const tracked = metrics.map(storableOf);
    for (const one of tracked) one.joined(registry);
    const { store, read } = openStore(...tracked);
    const values = async () => {
      await registry.metrics();
      assertEquals(await snapshotAll(store), 0);
      return Object.values(await read());
    };
    assertEquals(await values(), [100, 100, 100]);
    total = 130;
    assertEquals(await values(), [130, 130, 130]);
    assertEquals(await values(), [130, 130, 130]);
    total = 20; // what is counted there has started again
    assertEquals(await values(), [150, 150, 150]);
  });
}

Deno.test("insidesOf() leaves alone what puts its own get() over prom-client's", () => {
  class Doubled extends prom15.Counter {
    override async get(): ReturnType<prom15.Counter["get"]> {
      const data = await super.get();
      return { ...data, values: data.values.map((one) => ({ ...one, value: one.value * 2 })) };
    }
  }
  class Named extends prom15.Counter {}
  const options = { name: "c", help, registers: [] };
  const assigned = Object.assign(new prom15.Gauge(options), { get: () => Promise.resolve({}) });
  assertEquals([new Doubled(options), assigned, {}].map(insidesOf), [
    undefined,
    undefined,
    undefined,
  ]);
  assertNotEquals(insidesOf(new Named(options)), undefined);
});
