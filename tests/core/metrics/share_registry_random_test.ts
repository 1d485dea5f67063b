/** Shared registries under random calls: each event is counted once, and no total ever falls. */
import { assert, assertEquals } from "@std/assert";
import * as prom from "prom-client";
import { Registry } from "../../../src/core/mod.ts";
import { shareRegistry } from "../../../src/core/share_registry.ts";
import { snapshotAll } from "../../../src/core/snapshot.ts";
import { createRandom } from "../../support/random.ts";
import { openSharing, type Sharing } from "./sharing.ts";

type AnyRegistry = prom.Registry;
interface Made {
  readonly name: string;
  readonly metric: prom.Metric;
  /** Counts `amount` events. */
  count(labels: { l: string }, amount: number): void;
}

const help = "h";
const labelNames = ["l"] as const;
const NAMES = ["c_total", "h", "g"] as const;
const CALLS = [
  "make",
  "make",
  "count",
  "count",
  "count",
  "count",
  "clear",
  "drop",
  "reset",
] as const;
const OTHER_CALLS = [
  "label",
  "take",
  "mirror",
  "snapshot",
  "metric reset",
  "series removed",
] as const;

function make(name: (typeof NAMES)[number], registers: AnyRegistry[]): Made {
  const options = { name, help, labelNames, registers };
  if (name === "c_total") {
    const metric = new prom.Counter(options);
    return { name, metric, count: (labels, amount) => metric.inc(labels, amount) };
  }
  if (name === "g") {
    const metric = new prom.Gauge(options);
    return { name, metric, count: (labels, amount) => metric.set(labels, amount) };
  }
  const metric = new prom.Histogram({ ...options, buckets: [1] });
  return {
    name,
    metric,
    count(labels, amount) {
      for (let i = 0; i < amount; i++) metric.observe(labels, i);
    },
  };
}

/** The totals of the page, by series. */
async function totalsOf(sharing: Sharing): Promise<Map<string, number>> {
  const lines = (await sharing.page()).filter((line) => !line.startsWith("g{"));
  return new Map(lines.map((line) => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end))];
  }));
}

async function run(seed: number): Promise<void> {
  using sharing = openSharing();
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const registries = [new prom.Registry(), new prom.Registry(), new Registry() as never];
  registries.forEach(shareRegistry);
  const all: Made[] = [];
  const counted: Record<string, number> = { c_total: 0, h_count: 0 };
  const calls: string[] = [`seed ${seed}`];
  let last = new Map<string, number>();
  const look = async (): Promise<void> => {
    const totals = await totalsOf(sharing);
    for (const [series, total] of last) {
      const now = totals.get(series) ?? 0;
      assert(now >= total, `${series} fell from ${total} to ${now} after ${calls.join(", ")}`);
    }
    last = totals;
  };
  for (let i = 0; i < 60; i++) {
    const call = pick([...CALLS, ...OTHER_CALLS]);
    const registry = pick(registries);
    const one = all.length === 0 ? undefined : pick(all);
    calls.push(call);
    if (call === "make") {
      const name = pick(NAMES);
      const registers = [...new Set([registry, pick(registries)])]
        .filter((one) => one.getSingleMetric(name) === undefined);
      if (registers.length > 0) all.push(make(name, registers));
    } else if (call === "clear") {
      registry.clear();
    } else if (call === "drop") {
      registry.removeSingleMetric(pick(NAMES));
    } else if (call === "reset") {
      registry.resetMetrics();
    } else if (call === "label") {
      registry.setDefaultLabels(pick([{}, { zone: 1 }, { zone: 2, app: "a" }]));
    } else if (call === "mirror") {
      sharing.mirror();
    } else if (call === "snapshot") {
      assertEquals(await snapshotAll(sharing.store), 0);
    } else if (one === undefined) {
      continue;
    } else if (call === "take") {
      if (registry.getSingleMetric(one.name) === undefined) registry.registerMetric(one.metric);
    } else if (call === "count") {
      // What no registry has is not counted.
      if (!registries.some((known) => known.getSingleMetric(one.name) === one.metric)) continue;
      one.count({ l: pick(["x", "y"]) }, 2);
      if (one.name === "c_total") counted["c_total"]! += 2;
      if (one.name === "h") counted["h_count"]! += 2;
    } else if (one.name !== "g") {
      // These lose what was not yet copied.
      sharing.mirror();
      if (call === "metric reset") one.metric.reset();
      else one.metric.remove({ l: "x" } as never);
    }
    await look();
  }
  sharing.mirror();
  await look();
  const sums = (totals: ReadonlyMap<string, number>): Record<string, number> => {
    const sums: Record<string, number> = { c_total: 0, h_count: 0 };
    for (const [series, total] of totals) {
      const name = series.slice(0, series.indexOf("{"));
      if (name in sums) sums[name]! += total;
    }
    return sums;
  };
  assertEquals(sums(last), counted, calls.join(", "));
  // Another storage gets everything.
  sharing.store.detach();
  using next = openSharing(sharing.store);
  assertEquals(sums(await totalsOf(next)), counted, calls.join(", "));
}

Deno.test("shared registries count each event once, and no total falls, whatever is called", async () => {
  for (let seed = 1; seed <= 60; seed++) await run(seed);
});
