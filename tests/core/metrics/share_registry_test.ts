import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as prom from "prom-client";
import { Counter, Gauge, Registry } from "../../../src/core/mod.ts";
import { createProcessStore } from "../../../src/core/process_store.ts";
import { shareRegistry } from "../../../src/core/share_registry.ts";
import { snapshotAll } from "../../../src/core/snapshot.ts";
import { openSharing } from "./sharing.ts";

const help = "h";

Deno.test("shareRegistry() stores what the registry has, and what it gets later", async () => {
  using sharing = openSharing();
  const registry = new prom.Registry();
  const registers = [registry];
  new prom.Counter({ name: "early_total", help, registers }).inc(2);
  const undo = shareRegistry(registry);
  assertStrictEquals(shareRegistry(registry), undo);
  const histogram = new prom.Histogram({ name: "late", help, buckets: [1, 5], registers });
  histogram.observe(3);
  new prom.Gauge({ name: "highest", help, registers, aggregator: "max" }).set(7);
  new Counter({ name: "ours_total", help, registers: [registry as never] }).inc(3);
  sharing.mirror();
  const shown = [
    "early_total 2",
    "highest 7",
    'late_bucket{le="1.0"} 0',
    'late_bucket{le="5.0"} 1',
    'late_bucket{le="+Inf"} 1',
    "late_sum 3",
    "late_count 1",
    "ours_total 3",
  ];
  assertEquals(await sharing.page(), shown);

  undo();
  histogram.observe(3);
  new prom.Counter({ name: "unshared", help, registers });
  sharing.mirror();
  assertEquals(await sharing.page(), shown.filter((line) => line !== "highest 7"));
  assertEquals(Object.keys(registry).filter((name) => !name.startsWith("_")), []);
  shareRegistry(registry)();
});

Deno.test("shareRegistry() refuses what is no registry, and has nothing to do for ours", () => {
  assertThrows(
    () => shareRegistry({} as never),
    TypeError,
    "Cannot share registry: it has no method registerMetric(), expected a registry of prom-client",
  );
  assertThrows(
    () => shareRegistry(undefined as never),
    TypeError,
    "Cannot share registry: it is undefined, expected a registry of prom-client",
  );
  const registry = new Registry();
  shareRegistry(registry)();
  assertEquals(registry.registerMetric, Registry.prototype.registerMetric);
});

Deno.test("shareRegistry() shares nothing when the open storage cannot take a metric", () => {
  using _sharing = openSharing(createProcessStore(), false);
  const registry = new prom.Registry();
  const multiprocessMode = "mostrecent";
  registry.registerMetric(new Gauge({ name: "g", help, registers: [], multiprocessMode }) as never);
  assertThrows(() => shareRegistry(registry), Error, 'mode "mostrecent" compares times');
  registry.clear();
  const undo = shareRegistry(registry);
  const registers = [registry as never];
  assertThrows(() => new Gauge({ name: "g", help, registers, multiprocessMode }), Error, "times");
  assertEquals(registry.getMetricsAsArray(), []);
  undo();
});

Deno.test("totals of a shared registry never fall when it is reset, cleared and filled again", async () => {
  using sharing = openSharing();
  const registry = new prom.Registry();
  const registers = [registry];
  const undo = shareRegistry(registry);
  const make = () => ({
    counter: new prom.Counter({ name: "c_total", help, labelNames: ["l"], registers }),
    histogram: new prom.Histogram({ name: "h", help, buckets: [1], registers }),
    summary: new prom.Summary({ name: "s", help, registers }),
  });
  let metrics = make();
  let expected = 0;
  // Nothing is copied in between: what drops or resets metrics has to do that first.
  const count = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      metrics.counter.inc({ l: "x" });
      metrics.histogram.observe(0.5);
      metrics.summary.observe(2);
    }
    expected += times;
    assert((await registry.metrics()).includes("s_sum "));
  };
  await count(3);
  registry.resetMetrics();
  await count(5);
  registry.clear();
  metrics = make();
  await count(1);
  for (const name of ["c_total", "h", "s"]) registry.removeSingleMetric(name);
  metrics = make();
  await count(7);
  sharing.mirror();
  const totals = [
    `c_total{l="x"} ${expected}`,
    `h_bucket{le="1.0"} ${expected}`,
    `h_bucket{le="+Inf"} ${expected}`,
    `h_sum ${expected / 2}`,
    `h_count ${expected}`,
    `s_count ${expected}`,
    `s_sum ${expected * 2}`,
  ];
  assertEquals(await sharing.page(), totals);

  const { counter, histogram } = metrics;
  counter.remove("x");
  histogram.zero({});
  counter.inc({ l: "x" }, 100);
  for (let i = 0; i < 100; i++) histogram.observe(0.5);
  sharing.mirror();
  const page = await sharing.page();
  assertEquals([page[0], page[4]], [
    `c_total{l="x"} ${expected + 100}`,
    `h_count ${expected + 100}`,
  ]);

  // Another storage gets everything, lives that are over too.
  sharing.store.detach();
  using next = openSharing(sharing.store);
  assertEquals(await next.page(), page);
  undo();
});

Deno.test("metrics that are made and dropped all the time leave nothing behind but their totals", async () => {
  using sharing = openSharing();
  const registries = [new prom.Registry(), new Registry()] as const;
  shareRegistry(registries[0]);
  const counters = [new prom.Counter({ name: "a_total", help, registers: [registries[0]] })];
  const round = (): number => {
    for (const registry of registries) {
      const options = { help, registers: [registry as never] };
      for (const library of [prom, { Counter, Gauge }]) {
        const name = `${library === prom ? "theirs" : "ours"}_total`;
        new library.Counter({ name, ...options }).inc();
        new library.Gauge({ name: `g_${name}`, aggregator: "max", ...options }).set(1);
      }
      registry.clear();
    }
    // One that is taken again goes on.
    registries[0].registerMetric(counters[0]!);
    counters[0]!.inc();
    return sharing.store.connected.size;
  };
  const connected = round();
  for (let i = 1; i < 50; i++) assertEquals(round(), connected);
  sharing.mirror();
  assertEquals(await sharing.page(), ["a_total 50", "ours_total 100", "theirs_total 100"]);
});

Deno.test("two registries with metrics of one name are summed, a metric in two is stored once", async () => {
  using sharing = openSharing();
  const [a, b] = [new prom.Registry(), new prom.Registry()];
  const both = new prom.Counter({ name: "both_total", help, registers: [a, b] });
  const merged = prom.Registry.merge([a, b]);
  const undo = [a, b, merged].map((registry) => shareRegistry(registry));
  const same = [a, b].map((registry) =>
    new prom.Counter({ name: "same_total", help, registers: [registry] })
  );
  for (let i = 0; i < 10; i++) {
    both.inc();
    same.forEach((counter, k) => counter.inc(k + 0.1));
    sharing.mirror();
  }
  let total = 0;
  for (let i = 0; i < 10; i++) total += 1.2;
  const [first, second] = await sharing.page();
  assertEquals(first, "both_total 10");
  assert(Math.abs(Number(second!.split(" ")[1]) - total) < 1e-9, second);
  a.clear();
  both.inc();
  sharing.mirror();
  assertEquals((await sharing.page())[0], "both_total 11");
  undo.forEach((take) => take());
});

Deno.test("setDefaultLabels() of a shared registry labels what is stored, each event once", async () => {
  using sharing = openSharing();
  const registry = new prom.Registry();
  const registers = [registry];
  registry.setDefaultLabels({ app: "shop", zone: 1 });
  const undo = shareRegistry(registry);
  const counter = new prom.Counter({ name: "c_total", help, labelNames: ["zone"], registers });
  const gauge = new prom.Gauge({ name: "g", help, registers, aggregator: "max" });
  const histogram = new prom.Histogram({ name: "h", help, buckets: [1], registers });
  const update = (): void => {
    counter.inc();
    counter.inc({ zone: "own" }, 2);
    gauge.inc();
    histogram.observe(0.5);
    sharing.mirror();
  };
  update();
  update();
  assertEquals((await sharing.page()).filter((line) => !line.startsWith("h_")), [
    'c_total{app="shop",zone="1"} 2',
    'c_total{app="shop",zone="own"} 4',
    'g{app="shop",zone="1"} 2',
  ]);
  registry.setDefaultLabels({ app: "store" });
  update();
  assertEquals((await sharing.page()).filter((line) => !line.includes("_bucket")), [
    'c_total{app="shop",zone="1"} 2',
    'c_total{app="shop",zone="own"} 4',
    'c_total{app="store",zone="own"} 2',
    'c_total{app="store"} 1',
    'g{app="store"} 3',
    'h_sum{app="shop",zone="1"} 1',
    'h_count{app="shop",zone="1"} 2',
    'h_sum{app="store"} 0.5',
    'h_count{app="store"} 1',
  ]);
  undo();
});

Deno.test("what is odd in a shared registry does not keep the rest from the page", async () => {
  using sharing = openSharing();
  const registry = new prom.Registry();
  const registers = [registry];
  const undo = shareRegistry(registry);
  const failing = new prom.Counter({
    name: "failing_total",
    help,
    registers,
    collect() {
      throw new Error("no value");
    },
  });
  const stuck = new prom.Counter({
    name: "stuck_total",
    help,
    registers,
    collect: () => new Promise(() => {}),
  });
  const poisoned = new prom.Counter({ name: "poisoned_total", help, registers });
  const odd = new prom.Counter({ name: "odd_total", help: 'é"\\\n', labelNames: ["l"], registers });
  const buckets = new prom.Histogram({ name: "h", help, buckets: [1, 1, Infinity], registers });
  registry.registerMetric(
    { name: "broken", get: () => Promise.reject(new Error("gone")) } as never,
  );
  registry.registerMetric({ name: "no metric" } as never);
  poisoned.inc(4);
  odd.inc({ l: 'q"uo\\te\n😀' });
  buckets.observe(0.5);
  buckets.observe(9);
  const failures: unknown[] = [];
  const snapshot = async (): Promise<void> => {
    const all = snapshotAll(sharing.store, (error) => failures.push(error));
    // One never settles: the others do not wait for it.
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 0))]);
  };
  await snapshot();
  for (const counter of [failing, stuck, poisoned]) counter.inc(3);
  poisoned.inc(NaN);
  await snapshot();
  await snapshot();
  sharing.mirror();
  assertEquals(failures.map((error) => (error as Error).message).sort(), [
    'Cannot store counter "poisoned_total": a value is NaN, expected a number',
    ...["gone", "gone", "gone", "no value", "no value", "no value"],
  ]);
  assertEquals(await sharing.page(), [
    "failing_total 3",
    'h_bucket{le="1.0"} 1',
    'h_bucket{le="+Inf"} 2',
    "h_sum 9.5",
    "h_count 2",
    'odd_total{l="q\\"uo\\\\te\\n😀"} 1',
    "poisoned_total 4",
    "stuck_total 3",
  ]);
  poisoned.reset();
  poisoned.inc(2);
  sharing.mirror();
  assert((await sharing.page()).includes("poisoned_total 6"));
  undo();
});
