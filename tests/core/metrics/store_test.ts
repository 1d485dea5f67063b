import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { createMemoryStorage } from "../../../src/core/memory_driver.ts";
import {
  Counter,
  Gauge,
  type GaugeMode,
  Histogram,
  Registry,
  Summary,
} from "../../../src/core/mod.ts";
import { createProcessStore, processStore } from "../../../src/core/process_store.ts";
import { openStore } from "./store_support.ts";

const help = "h";
const registry = () => ({ help, registers: [new Registry()] });

Deno.test("Counter.attach() brings what was counted before, bit for bit", async () => {
  const counter = new Counter({ name: "a_total", labelNames: ["l"], ...registry() });
  const plain = new Counter({ name: "b", ...registry() });
  const kept = counter.labels("x");
  let expected = 0;
  for (let i = 0; i < 10; i++, expected += 0.1) kept.inc(0.1);
  const { read } = openStore(counter, plain);
  for (let i = 0; i < 7; i++, expected += 1e-9) kept.inc(1e-9);
  counter.inc({ l: 5 }, 2);
  counter.inc();
  assertEquals(await read(), {
    'counter a_total{l="x"}': expected,
    'counter a_total{l="5"}': 2,
    "counter a_total{}": 1,
    "counter b{}": 0,
  });
});

Deno.test("totals in the store only grow when metrics are reset, removed and made again", async () => {
  const registers = [new Registry()];
  const options = { help, labelNames: ["l"], registers };
  const counter = new Counter({ name: "c", ...options });
  const histogram = new Histogram({ name: "h", buckets: [1], ...options });
  const summary = new Summary({ name: "s", ...options });
  const update = () => {
    counter.inc({ l: "x" });
    histogram.observe({ l: "x" }, 0.5);
    histogram.observe({ l: "x" }, 2);
    summary.observe({ l: "x" }, 0.25);
  };
  const expected = (times: number) => ({
    'counter c{l="x"}': times,
    'histogram h_bucket{l="x",le="1.0"}': times,
    'histogram h_bucket{l="x",le="+Inf"}': times,
    'histogram h_sum{l="x"}': 2.5 * times,
    'summary s_count{l="x"}': times,
    'summary s_sum{l="x"}': 0.25 * times,
  });
  update();
  registers[0]!.resetMetrics(); // before there is a store
  update();
  const { read } = openStore(counter, histogram, summary);
  assertEquals(await read(), expected(2));
  for (const metric of [counter, histogram, summary]) metric.remove("x");
  assertEquals(await read(), expected(2));
  update();
  for (const metric of [counter, histogram, summary]) metric.reset();
  histogram.zero({ l: "x" });
  update();
  assertEquals(await read(), expected(4));
  registers[0]!.clear();
  assertEquals(await read(), expected(4));
  assertEquals((await counter.get()).values, [{ value: 1, labels: { l: "x" } }]);
});

Deno.test("two metrics of one name add to one slot", async () => {
  const [a, b] = [1, 2].map(() => new Counter({ name: "c", labelNames: ["l"], ...registry() }));
  const [ha, hb] = [1, 2].map(() => new Histogram({ name: "h", buckets: [], ...registry() }));
  a!.inc({ l: "x" }, 3);
  const { read } = openStore(a!, b!, ha!, hb!);
  b!.inc({ l: "x" }, 4);
  a!.inc({ l: "x" }, 5);
  ha!.observe(1);
  hb!.observe(2);
  assertEquals(await read(), {
    'counter c{l="x"}': 12,
    'histogram h_bucket{le="+Inf"}': 2,
    "histogram h_sum{}": 3,
  });
  assertEquals((await b!.get()).values[0]!.value, 4);
});

Deno.test("attach() counts nothing twice in one store, and brings all to the next one", async () => {
  const counter = new Counter({ name: "c", labelNames: ["l"], ...registry() });
  const gauge = new Gauge({ name: "g", multiprocessMode: "max", ...registry() });
  const histogram = new Histogram({ name: "h", buckets: [], ...registry() });
  const summary = new Summary({ name: "s", ...registry() });
  const metrics = [counter, gauge, histogram, summary];
  const update = () => {
    counter.inc({ l: "x" });
    gauge.inc();
    histogram.observe(1);
    summary.observe(1);
  };
  const first = openStore(...metrics);
  update();
  counter.reset();
  update();
  for (const metric of metrics) metric.attach(first.store);
  const expected = (times: number) => ({
    'counter c{l="x"}': times,
    "gauge_max g{}": times,
    'histogram h_bucket{le="+Inf"}': times,
    "histogram h_sum{}": times,
    "summary s_count{}": times,
    "summary s_sum{}": times,
  });
  assertEquals(await first.read(), expected(2));
  first.store.detach();
  update(); // goes on in the old arrays
  counter.inc({ l: "made while detached" });
  counter.remove("made while detached");
  const storage = createMemoryStorage();
  first.store.open(storage.openWriter({ writer: "2" }));
  update();
  const second = { ...first, ...await storage.openReader().read() };
  const values = second.sources.flatMap(({ keys, values, slots }) =>
    keys.map((_, i) => values[slots[i]!])
  );
  assertEquals(values, [4, 1, 4, 4, 4, 4, 4]);
  assertEquals(await first.read(), expected(3));
});

Deno.test("Gauge marks its slot absent when a series goes, and fills it when it is back", async () => {
  for (const mode of ["all", "livemin", "sum"] as const) {
    const gauge = new Gauge({
      name: "g",
      labelNames: ["l"],
      multiprocessMode: mode,
      ...registry(),
    });
    const kept = gauge.labels("x");
    kept.set(5);
    const { read } = openStore(gauge);
    const name = `gauge_${mode} g{l="x"}`;
    const gone = mode === "sum" ? 0 : "absent";
    assertEquals(await read(), { [name]: 5 });
    gauge.remove("x");
    assertEquals(await read(), { [name]: gone });
    kept.inc(2);
    assertEquals(await read(), { [name]: 2 });
    gauge.reset();
    assertEquals(await read(), { [name]: gone });
    gauge.set({ l: "x" }, NaN);
    assertEquals(await read(), { [name]: NaN });
    assertStrictEquals(gauge.labels({ l: "x" }), kept);
  }
});

Deno.test("Registry.clear() takes gauges out of the aggregate until they are registered again", async () => {
  const registers = [new Registry(), new Registry()];
  const gauge = new Gauge({ name: "g", help, registers });
  const { read } = openStore(gauge);
  gauge.set(7);
  registers[0]!.clear();
  assertEquals(await read(), { "gauge_all g{}": 7 }, "another registry has it");
  registers[1]!.removeSingleMetric("g");
  assertEquals(await read(), { "gauge_all g{}": "absent" });
  gauge.inc();
  assertEquals(await read(), { "gauge_all g{}": "absent" }, "nobody has it");
  assertEquals((await gauge.get()).values[0]!.value, 8);
  registers[0]!.registerMetric(gauge);
  assertEquals(await read(), { "gauge_all g{}": 8 });
  gauge.inc();
  assertEquals(await read(), { "gauge_all g{}": 9 });
});

Deno.test("Gauge.reset() brings nothing back into the aggregate that no registry has", async () => {
  const registers = [new Registry()];
  const gauge = new Gauge({ name: "g", help, registers });
  const { read } = openStore(gauge);
  registers[0]!.clear();
  gauge.reset();
  assertEquals(await read(), { "gauge_all g{}": "absent" });
});

Deno.test("Gauge stores the time of an update where the mode compares times", async () => {
  const modes: readonly GaugeMode[] = ["mostrecent", "livemostrecent", "all", "max"];
  const gauges = modes.map((mode) =>
    new Gauge({ name: `g_${mode}`, multiprocessMode: mode, ...registry() })
  );
  const unset = new Gauge({ name: "unset", multiprocessMode: "mostrecent", ...registry() });
  const { now } = Date;
  try {
    Date.now = () => 5000;
    for (const gauge of gauges) gauge.set(1);
    const { times } = openStore(...gauges, unset);
    const timed = (at: number) => ({
      "gauge_mostrecent g_mostrecent{}": at,
      "gauge_livemostrecent g_livemostrecent{}": at,
      "gauge_all g_all{}": 0,
      "gauge_max g_max{}": 0,
      "gauge_mostrecent unset{}": 0,
    });
    assertEquals(await times(), timed(5));
    Date.now = () => 7500;
    for (const gauge of gauges) gauge.inc();
    assertEquals(await times(), timed(7.5));
  } finally {
    Date.now = now;
  }
});

Deno.test("a mostrecent gauge is refused, naming the layout, when the store keeps no times", async () => {
  const storage = createMemoryStorage();
  const writer = storage.openWriter({ writer: "1", storesTimestamps: false });
  const options = { help, multiprocessMode: "mostrecent" } as const;
  const early = new Gauge({ name: "early", ...options, registers: [new Registry()] });
  const counter = new Counter({ name: "c", ...registry() });
  const store = createProcessStore();
  store.connect(early);
  store.connect(counter);
  counter.inc();
  const error = assertThrows(() => store.open(writer), AggregateError, '"early"');
  assert(error.message.includes('layout "timestamp"'), error.message);
  const { sources } = await storage.openReader().read();
  assertEquals(sources.map(({ name, values }) => [name, values[0]]), [["counter_1", 1]]);
});

Deno.test("metrics with the aggregator omit, and those of no registry, are not stored", async () => {
  const aggregator = "omit";
  const metrics = [
    new Counter({ name: "c", aggregator, ...registry() }),
    new Gauge({ name: "g", aggregator, ...registry() }),
    new Gauge({ name: "g2", multiprocessMode: "omit", ...registry() }),
    new Histogram({ name: "h", aggregator, ...registry() }),
    new Summary({ name: "s", aggregator, ...registry() }),
  ];
  const { read } = openStore(...metrics);
  (metrics[0] as Counter).inc();
  (metrics[1] as Gauge).inc();
  assertEquals(await read(), {});
  const before = processStore().connected.size;
  new Counter({ name: "c", help, registers: [] }).inc();
  assertEquals(processStore().connected.size, before);
  const registers = [new Registry()];
  new Counter({ name: "c", help, registers });
  assertEquals(processStore().connected.size, before + 1);
});

Deno.test("the mode of a gauge comes from multiprocessMode, else from an aggregator that was passed", () => {
  const mode = (options: object) =>
    new Gauge({ name: "g", help, registers: [], ...options }).multiprocessMode;
  assertEquals(mode({}), "all");
  assertEquals(mode({ aggregator: "sum" }), "livesum");
  assertEquals(mode({ aggregator: "average" }), "average");
  assertEquals(mode({ aggregator: "sum", multiprocessMode: "mostrecent" }), "mostrecent");
  assertEquals(new Gauge({ name: "g", help, registers: [] }).aggregator, "sum");
});

Deno.test("Gauge is refused when its mode is unknown, or adds the label pid that it has", () => {
  const make = (options: object) =>
    new Gauge({ name: "g", help, registers: [], labelNames: ["pid"], ...options });
  assertThrows(() => make({}), Error, 'mode "all" adds the label "pid"');
  assertThrows(() => make({ multiprocessMode: "liveall" }), Error, 'mode "liveall"');
  assertThrows(() => make({ multiprocessMode: "some" }), Error, 'multiprocessMode is "some"');
  assertEquals(make({ multiprocessMode: "max" }).labelNames, ["pid"]);
});

Deno.test("sample keys keep any text of label values apart, and leave out missing labels", async () => {
  const labelNames = ["a", "b"] as const;
  const counter = new Counter({ name: "c", labelNames, ...registry() });
  const pairs = [["1,b:2", "3"], ["1", "2,b:3"], ["a|b", ""], ["a", "b|"], ["", "a|b"], [
    '"}',
    "\\",
  ]];
  for (const [a, b] of pairs) counter.inc({ a: a!, b: b! });
  counter.inc({ b: 7 });
  counter.inc({ b: "7" });
  counter.inc({ a: "undefined", b: "7" });
  const { read } = openStore(counter);
  const expected: Record<string, number> = {
    'counter c{b="7"}': 2,
    'counter c{a="undefined",b="7"}': 1,
  };
  for (const [a, b] of pairs) {
    expected[`counter c{a=${JSON.stringify(a)},b=${JSON.stringify(b)}}`] = 1;
  }
  assertEquals(await read(), expected);
});

Deno.test("labels may be named like the properties that all objects have", async () => {
  const labelNames = ["__proto__", "constructor", "toString"];
  const registers = [new Registry()];
  const counter = new Counter({ name: "hasOwnProperty", help, labelNames, registers });
  counter.labels("p", "c", "t").inc();
  counter.inc({ constructor: "only" } as never);
  counter.inc({}, 2);
  const { read } = openStore(counter);
  assertEquals(await read(), {
    'counter hasOwnProperty{__proto__="p",constructor="c",toString="t"}': 1,
    'counter hasOwnProperty{constructor="only"}': 1,
    "counter hasOwnProperty{}": 2,
  });
  const [page] = [await registers[0]!.metrics()];
  assert(page.includes('hasOwnProperty{__proto__="p",constructor="c",toString="t"} 1\n'), page);
  counter.remove("p", "c", "t");
  assert(!(await registers[0]!.metrics()).includes("__proto__"));
});

Deno.test("a bucket of any bound is stored once, next to the infinite one", async () => {
  const histogram = new Histogram({
    name: "h",
    buckets: [-1, 0.5, 1, 1e6, Infinity],
    ...registry(),
  });
  for (const value of [-5, 0.5, 0.7, 3, 1e7]) histogram.observe(value);
  const { read } = openStore(histogram);
  assertEquals(await read(), {
    'histogram h_bucket{le="-1.0"}': 1,
    'histogram h_bucket{le="0.5"}': 1,
    'histogram h_bucket{le="1.0"}': 1,
    'histogram h_bucket{le="1e+06"}': 1,
    'histogram h_bucket{le="+Inf"}': 1,
    "histogram h_sum{}": -5 + 0.5 + 0.7 + 3 + 1e7,
  });
});

Deno.test("the page of one process has no pid", async () => {
  const registers = [new Registry()];
  const gauge = new Gauge({ name: "g", help, registers });
  openStore(gauge);
  gauge.set(3);
  assertEquals(await registers[0]!.metrics(), "# HELP g h\n# TYPE g gauge\ng 3\n");
});

Deno.test("labels() gives the same object for the same label values", () => {
  const counter = new Counter({ name: "c", labelNames: ["a", "b"], ...registry() });
  const kept = counter.labels("200", "x");
  assertStrictEquals(counter.labels({ b: "x", a: 200 }), kept);
  counter.reset();
  assertStrictEquals(counter.labels("200", "x"), kept);
  assert(counter.labels("x", "200") !== kept);
});

Deno.test("updates refuse NaN and what is no number, and change nothing", async () => {
  const counter = new Counter({ name: "c", labelNames: ["l"], ...registry() });
  const histogram = new Histogram({ name: "h", labelNames: ["l"], ...registry() });
  const summary = new Summary({ name: "s", labelNames: ["l"], ...registry() });
  const { read } = openStore(counter, histogram, summary);
  for (const value of [NaN, "", false, 0n] as number[]) {
    assertThrows(() => counter.inc(value), TypeError, "Value is not a valid number: ");
    assertThrows(() => counter.inc({ l: 1 }, value), TypeError, "Value is not a valid number: ");
    assertThrows(() => counter.labels("x").inc(value), TypeError, "Value is not a valid number: ");
  }
  assertThrows(() => counter.inc(NaN), TypeError, "Value is not a valid number: NaN");
  assertThrows(() => histogram.observe({ l: 1 }, NaN), TypeError, "number: NaN");
  assertThrows(() => histogram.labels("x").observe(NaN), TypeError, "number: NaN");
  assertThrows(() => summary.labels("x").observe(NaN), TypeError, "number: NaN");
  assertThrows(() => histogram.zero({ nope: 1 } as never), Error, 'Added label "nope"');
  assertEquals(await read(), {});
  assertEquals((await counter.get()).values, []);
});
