import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import * as prom from "prom-client";
import { createMemoryStorage } from "../../../src/core/memory_driver.ts";
import { Gauge, Registry } from "../../../src/core/mod.ts";
import type { Storable } from "../../../src/core/process_store.ts";
import { storableOf } from "../../../src/core/foreign.ts";
import { mirrorAll, snapshotAll } from "../../../src/core/snapshot.ts";
import { openStore } from "./store_support.ts";

const help = "h";

/** One registry of ours with prom-client's metrics, and a store that has them. */
function foreign<T extends object>(make: (registers: prom.Registry[]) => T) {
  const registry = new Registry();
  const metrics = make([registry as unknown as prom.Registry]);
  const storables = Object.values(metrics).map((metric) => storableOf(metric));
  return { registry, metrics, ...openStore(...storables) };
}

Deno.test("snapshotAll() copies prom-client's metrics with their own bits", async () => {
  const { metrics, store, read, registry } = foreign((registers) => ({
    counter: new prom.Counter({ name: "c_total", help, labelNames: ["l"], registers }),
    gauge: new prom.Gauge({ name: "g", help, registers, aggregator: "max" }),
    histogram: new prom.Histogram({
      name: "h",
      help,
      labelNames: ["l"],
      buckets: [0.1, 5],
      registers,
    }),
    summary: new prom.Summary({ name: "s", help, registers }),
    omitted: new prom.Counter({ name: "o", help, registers, aggregator: "omit" }),
  }));
  const { counter, gauge, histogram, summary } = metrics;
  let total = 0;
  for (let i = 0; i < 11; i++, total += 0.1) counter.inc({ l: 'x"' }, 0.1);
  gauge.set(-2.5);
  for (const value of [0.05, 0.05, 1, 9]) histogram.observe({ l: 7 }, value);
  summary.observe(0.3);
  assertEquals(await snapshotAll(store), 0);
  const expected = {
    'counter c_total{l="x\\""}': total,
    "gauge_livemax g{}": -2.5,
    'histogram h_bucket{l="7",le="0.1"}': 2,
    'histogram h_bucket{l="7",le="5.0"}': 1,
    'histogram h_bucket{l="7",le="+Inf"}': 1,
    'histogram h_sum{l="7"}': 0.05 + 0.05 + 1 + 9,
    "summary s_count{}": 1,
    "summary s_sum{}": 0.3,
  };
  assertEquals(await read(), expected);
  await snapshotAll(store);
  assertEquals(await read(), expected);
  assert((await registry.metrics()).includes('c_total{l="x\\""} '));
});

Deno.test("snapshotAll() keeps totals when prom-client's metrics are reset or lose series", async () => {
  const { metrics, store, read } = foreign((registers) => ({
    counter: new prom.Counter({ name: "c", help, labelNames: ["l"], registers }),
    gauge: new prom.Gauge({ name: "g", help, labelNames: ["l"], registers }),
    histogram: new prom.Histogram({ name: "h", help, buckets: [1], registers }),
  }));
  const { counter, gauge, histogram } = metrics;
  const update = async (times: number) => {
    for (let i = 0; i < times; i++) {
      counter.inc({ l: "x" });
      gauge.inc({ l: "x" });
      histogram.observe(-2);
    }
    assertEquals(await snapshotAll(store), 0);
  };
  const totals = (all: number, count: number | "absent") => ({
    'counter c{l="x"}': all,
    'gauge_livesum g{l="x"}': count,
    'histogram h_bucket{le="1.0"}': all,
    'histogram h_bucket{le="+Inf"}': 0,
    "histogram h_sum{}": -2 * all,
  });
  await update(5);
  await update(1);
  assertEquals(await read(), totals(6, 6));
  for (const metric of [counter, gauge, histogram]) metric.reset();
  await update(2);
  assertEquals(await read(), totals(8, 2));
  for (const metric of [counter, gauge, histogram]) metric.reset();
  await snapshotAll(store);
  assertEquals(await read(), totals(8, 0), "livesum: 0 is left out of a sum by itself");
  await update(9);
  assertEquals(await read(), totals(17, 9));
});

Deno.test("a foreign counter shares its slot with another of its name, and goes on in another store", async () => {
  const { metrics, store, storage, read } = foreign((registers) => ({
    a: new prom.Counter({ name: "c", help, registers }),
    b: new prom.Counter({
      name: "c",
      help,
      registers: [new Registry() as unknown as prom.Registry],
    }),
  }));
  for (let i = 0; i < 3; i++) {
    metrics.a.inc(2);
    metrics.b.inc(0.5);
    await snapshotAll(store);
    await snapshotAll(store);
  }
  assertEquals(await read(), { "counter c{}": 7.5 });
  const next = createMemoryStorage();
  store.detach();
  storage.setLiveness("1", "dead");
  store.open(next.openWriter({ writer: "2" }));
  metrics.a.inc();
  await snapshotAll(store);
  const { sources } = await next.openReader().read();
  assertEquals(sources[0]!.values[0], 8.5);
});

Deno.test("a foreign gauge leaves the aggregate when no registry has it", async () => {
  const { metrics, store, registry, read } = foreign((registers) => ({
    gauge: new prom.Gauge({ name: "g", help, registers, aggregator: "first" }),
    counter: new prom.Counter({ name: "c", help, registers }),
  }));
  metrics.gauge.set(4);
  metrics.counter.inc(3);
  await snapshotAll(store);
  registry.clear();
  metrics.counter.inc();
  await snapshotAll(store);
  assertEquals(await read(), { "gauge_first g{}": "absent", "counter c{}": 3 });
  registry.registerMetric(metrics.gauge);
  registry.registerMetric(metrics.counter);
  await snapshotAll(store);
  assertEquals(await read(), { "gauge_first g{}": 4, "counter c{}": 4 });
});

Deno.test("mirrorAll() takes the 0 that a foreign gauge starts at for no value before snapshotAll()", async () => {
  const { metrics, store, read } = foreign((registers) => ({
    collected: new prom.Gauge({
      name: "collected",
      help,
      registers,
      collect() {
        this.set(2);
        // As prom-client's own metrics do it: one fills the others.
        metrics.filled.set(3);
      },
    }),
    filled: new prom.Gauge({ name: "filled", help, registers, aggregator: "min" }),
    set: new prom.Gauge({ name: "set", help, registers }),
    labelled: new prom.Gauge({ name: "of", help, labelNames: ["l"], registers }),
    counter: new prom.Counter({ name: "c", help, registers }),
    idle: new prom.Gauge({ name: "idle", help, registers }),
  }));
  metrics.set.set(5);
  metrics.labelled.set({ l: "x" }, 0);
  const mirror = () => mirrorAll(store, (error) => assertEquals(error, undefined));
  const started = { 'gauge_livesum of{l="x"}': 0, "counter c{}": 0 };
  mirror();
  assertEquals(await read(), { ...started, "gauge_livesum set{}": 5 });
  metrics.set.set(0);
  mirror();
  assertEquals(await read(), { ...started, "gauge_livesum set{}": 0 });
  await snapshotAll(store);
  const all = {
    ...started,
    "gauge_livesum set{}": 0,
    "gauge_livesum collected{}": 2,
    "gauge_livemin filled{}": 3,
    "gauge_livesum idle{}": 0,
  };
  assertEquals(await read(), all);
  metrics.filled.set(0);
  mirror();
  assertEquals(await read(), { ...all, "gauge_livemin filled{}": 0 });
});

Deno.test("snapshotAll() counts a collect() that fails, skips one under way, and runs the others", async () => {
  const registers = [new Registry()];
  let started = 0;
  let release = () => {};
  const slow = new Gauge({
    name: "slow",
    help,
    registers,
    async collect() {
      started++;
      await new Promise<void>((resolve) => release = resolve);
      this.set(started);
    },
  });
  const broken = new Gauge({
    name: "broken",
    help,
    registers,
    collect() {
      throw new Error("no value");
    },
  });
  const good = new Gauge({
    name: "good",
    help,
    registers,
    collect() {
      this.inc();
    },
  });
  const { store, read } = openStore(slow, broken, good);
  const failed: [unknown, Storable][] = [];
  const first = snapshotAll(store, (error, storable) => failed.push([error, storable]));
  assertEquals(await snapshotAll(store), 1, "only the broken one: the slow one is left out");
  const page = registers[0]!.getSingleMetricAsString("slow");
  assertEquals(started, 1);
  release();
  assertEquals(await first, 1);
  assertEquals(await page, "# HELP slow h\n# TYPE slow gauge\nslow 1");
  assertEquals(failed.map(([error]) => String(error)), ["Error: no value"]);
  assertStrictEquals(failed[0]![1], broken);
  assertEquals(await read(), { "gauge_all slow{}": 1, "gauge_all good{}": 2 });
  registers[0]!.clear();
  await snapshotAll(store);
  assertEquals(started, 1);
});

Deno.test("a foreign metric that cannot be read is counted, and not asked twice at once", async () => {
  let calls = 0;
  let fail: (error: Error) => void = () => {};
  const odd = {
    name: "odd",
    get: () => {
      calls++;
      return new Promise<never>((_, reject) => fail = reject);
    },
  };
  const registry = new Registry();
  registry.registerMetric(odd);
  const { store } = openStore(storableOf(odd));
  const first = snapshotAll(store);
  assertEquals(await snapshotAll(store), 0);
  assertEquals(calls, 1);
  fail(new Error("gone"));
  assertEquals(await first, 1);
  const page = registry.metrics();
  fail(new Error("gone"));
  await assertRejects(() => page, Error, "gone");
  registry.clear();
});

Deno.test("collectDefaultMetrics() fills our registry and the store", async () => {
  const registry = new Registry();
  prom.collectDefaultMetrics({ register: registry });
  const metrics = registry.getMetricsAsArray();
  assert(metrics.length > 5);
  const { store, read } = openStore(...metrics.map((metric) => storableOf(metric as never)));
  assertEquals(await snapshotAll(store), 0);
  const values = await read();
  assert(
    Number(values["gauge_livesum nodejs_heap_size_total_bytes{}"]) > 0,
    JSON.stringify(values),
  );
  assert(Object.keys(values).some((name) => name.startsWith("counter process_cpu_seconds_total")));
  assert((await registry.metrics()).includes("# TYPE nodejs_heap_size_total_bytes gauge\n"));
});
