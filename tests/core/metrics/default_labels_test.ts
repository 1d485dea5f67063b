import { assertEquals } from "@std/assert";
import * as prom from "prom-client";
import { Counter, Gauge, Histogram, Registry, Summary } from "../../../src/core/mod.ts";
import { shareRegistry } from "../../../src/core/share_registry.ts";
import { openSharing } from "./sharing.ts";

const help = "h";

Deno.test("setDefaultLabels() labels what is stored: each event once, a gauge under one of them", async () => {
  using sharing = openSharing();
  const registry = new Registry();
  const registers = [registry];
  const counter = new Counter({ name: "c_total", help, labelNames: ["zone"], registers });
  const kept = counter.labels("own");
  const gauge = new Gauge({ name: "g", help, registers, multiprocessMode: "max" });
  const histogram = new Histogram({ name: "h", help, buckets: [1], registers });
  const summary = new Summary({ name: "s", help, registers });
  const foreign = new prom.Counter({ name: "f_total", help, registers: [registry as never] });
  const update = (): void => {
    counter.inc();
    kept.inc(2);
    gauge.inc();
    histogram.observe(0.5);
    summary.observe(3);
    foreign.inc();
    sharing.mirror();
  };
  registry.setDefaultLabels({ app: "shop", zone: 1 });
  update();
  update();
  const first = (await sharing.page()).filter((line) => line.includes('app="shop"'));
  assertEquals(first.filter((line) => !line.startsWith("h_bucket")), [
    'c_total{app="shop",zone="1"} 2',
    'c_total{app="shop",zone="own"} 4',
    'f_total{app="shop",zone="1"} 2',
    'g{app="shop",zone="1"} 2',
    'h_sum{app="shop",zone="1"} 1',
    'h_count{app="shop",zone="1"} 2',
    's_count{app="shop",zone="1"} 2',
    's_sum{app="shop",zone="1"} 6',
  ]);
  registry.setDefaultLabels({ app: "store" });
  update();
  const page = await sharing.page();
  assertEquals(
    page.filter((line) => line.includes('app="shop"')),
    first.filter((line) => !line.startsWith("g")),
  );
  assertEquals(page.filter((line) => line.includes("store") && !line.startsWith("h_bucket")), [
    'c_total{app="store",zone="own"} 2',
    'c_total{app="store"} 1',
    'f_total{app="store"} 1',
    'g{app="store"} 3',
    'h_sum{app="store"} 0.5',
    'h_count{app="store"} 1',
    's_count{app="store"} 1',
    's_sum{app="store"} 3',
  ]);
  // Who drops a metric drops no labels of what it has counted.
  registry.clear();
  kept.inc();
  assertEquals(
    (await sharing.page()).filter((line) => line.includes("own")),
    ['c_total{app="shop",zone="own"} 4', 'c_total{app="store",zone="own"} 3'],
  );
});

Deno.test("setDefaultLabels() of a shared registry labels our metrics in it", async () => {
  using sharing = openSharing();
  const registry = new prom.Registry();
  const undo = shareRegistry(registry);
  new Counter({ name: "c_total", help, labelNames: ["l"], registers: [registry as never] })
    .labels("x");
  registry.setDefaultLabels({ app: "shop" });
  const counter = registry.getSingleMetric("c_total") as unknown as Counter;
  counter.inc({ l: "x" }, 3);
  assertEquals(await sharing.page(), ['c_total{app="shop",l="x"} 3']);
  undo();
});
