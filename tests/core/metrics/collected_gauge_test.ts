/** A gauge has no value in the store before something has set it, or its `collect()` has run. */
import { assertEquals } from "@std/assert";
import { Gauge, Registry } from "../../../src/core/mod.ts";
import { snapshotAll } from "../../../src/core/snapshot.ts";
import { openStore } from "./store_support.ts";

const registry = () => ({ help: "h", registers: [new Registry()] });

Deno.test("a gauge is stored when its collect() has run, or it is set by something else", async () => {
  const early: Gauge = new Gauge({ name: "early", collect: () => early.set(5), ...registry() });
  const idle = new Gauge({ name: "idle", collect() {}, ...registry() });
  const set = new Gauge({ name: "set", collect() {}, ...registry() });
  const before = new Gauge({ name: "before", collect() {}, ...registry() });
  before.set(3);
  const property = new Gauge({ name: "property", ...registry() });
  property.collect = () => property.set(1);
  const { read, store } = openStore(early, idle, set, before, property);
  const late: Gauge = new Gauge({ name: "late", collect: () => late.inc(7), ...registry() });
  store.connect(late);
  assertEquals(await read(), { "gauge_all before{}": 3 });
  set.set(0);
  assertEquals(await read(), { "gauge_all before{}": 3, "gauge_all set{}": 0 });
  for (const gauge of [early, before]) {
    new Registry().registerMetric(gauge);
    new Registry().registerMetric(gauge);
  }
  assertEquals(await read(), { "gauge_all before{}": 3, "gauge_all set{}": 0 });
  await snapshotAll(store);
  assertEquals(await read(), {
    "gauge_all before{}": 3,
    "gauge_all set{}": 0,
    "gauge_all early{}": 5,
    "gauge_all idle{}": 0,
    "gauge_all property{}": 1,
    "gauge_all late{}": 7,
  });
});

Deno.test("a gauge that was set to 0 is stored, with its time, whether or not it has a collect()", async () => {
  const mode = { multiprocessMode: "mostrecent" } as const;
  const collect = () => new Promise<void>(() => {});
  const bare = new Gauge({ name: "bare", collect, ...mode, ...registry() });
  const labelled = new Gauge({ name: "of", labelNames: ["l"], collect, ...mode, ...registry() });
  const { now } = Date;
  try {
    Date.now = () => 5000;
    bare.set(0);
    labelled.set({ l: "x" }, 0);
  } finally {
    Date.now = now;
  }
  const { read, times } = openStore(bare, labelled);
  const registers = [new Registry()];
  for (const gauge of [bare, labelled]) registers[0]!.registerMetric(gauge);
  const names = ["gauge_mostrecent bare{}", 'gauge_mostrecent of{l="x"}'];
  assertEquals(await read(), Object.fromEntries(names.map((name) => [name, 0])));
  assertEquals(await times(), Object.fromEntries(names.map((name) => [name, 5])));
});

Deno.test("a gauge whose collect() has failed is stored when one has not", async () => {
  let problem: Error | undefined = new Error("not yet");
  const sync = new Gauge({
    name: "sync",
    collect() {
      if (problem !== undefined) throw problem;
    },
    ...registry(),
  });
  const async = new Gauge({
    name: "async",
    collect: () => problem === undefined ? Promise.resolve() : Promise.reject(problem),
    ...registry(),
  });
  const { read, store } = openStore(sync, async);
  assertEquals(await snapshotAll(store), 2);
  assertEquals(await read(), {});
  problem = undefined;
  assertEquals(await snapshotAll(store), 0);
  assertEquals(await read(), { "gauge_all sync{}": 0, "gauge_all async{}": 0 });
});
