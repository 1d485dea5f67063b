import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { markAbsent } from "../../src/core/absent.ts";
import { createAggregator } from "../../src/core/aggregate.ts";
import { ExactSum } from "../../src/core/exact_sum.ts";
import type { SampleSource } from "../../src/core/storage.ts";
import { createRandom, randomDoubles } from "../support/random.ts";
import { keyOf, printed, setEntries, snapshotOf, sourceOf } from "../support/snapshots.ts";

/** What one aggregation of these sources prints. */
function aggregated(...sources: readonly SampleSource[]): Record<string, number> {
  return printed(createAggregator({ guard: false }).aggregate(snapshotOf(...sources)));
}

/** Three writers, the last one dead, with the values 3, 1 and 2 set at the times 10, 30 and 20. */
function writersOf(type: string): SampleSource[] {
  const key = keyOf("g", { z: "1" });
  return [
    sourceOf("a", type, [[key, 3, 10]]),
    sourceOf("b", type, [[key, 1, 30]], { liveness: "unknown" }),
    sourceOf("c", type, [[key, 2, 20]], { liveness: "dead" }),
  ];
}

const MODES: Readonly<Record<string, Record<string, number>>> = {
  all: { 'g{pid="a",z="1"}': 3, 'g{pid="b",z="1"}': 1, 'g{pid="c",z="1"}': 2 },
  liveall: { 'g{pid="a",z="1"}': 3, 'g{pid="b",z="1"}': 1 },
  sum: { 'g{z="1"}': 6 },
  livesum: { 'g{z="1"}': 4 },
  min: { 'g{z="1"}': 1 },
  livemin: { 'g{z="1"}': 1 },
  max: { 'g{z="1"}': 3 },
  livemax: { 'g{z="1"}': 3 },
  mostrecent: { 'g{z="1"}': 1 },
  livemostrecent: { 'g{z="1"}': 1 },
  average: { 'g{z="1"}': 2 },
  first: { 'g{z="1"}': 3 },
  omit: {},
};

for (const [mode, expected] of Object.entries(MODES)) {
  Deno.test(`aggregate() follows the rules of gauge mode ${mode}`, () => {
    assertEquals(aggregated(...writersOf(`gauge_${mode}`)), expected);
  });
}

Deno.test("aggregate() takes dead writers into min, max and mostrecent, not into their live forms", () => {
  const key = keyOf("g");
  const valueOf = (mode: string): number | undefined => {
    const type = `gauge_${mode}`;
    const dead = sourceOf("a", type, [[key, mode.endsWith("min") ? 1 : 9, 50]], {
      liveness: "dead",
    });
    return aggregated(dead, sourceOf("b", type, [[key, 5, 20]]))["g"];
  };
  const modes = ["min", "livemin", "max", "livemax", "mostrecent", "livemostrecent", "first"];
  assertEquals(modes.map(valueOf), [1, 5, 9, 5, 9, 5, 5]);
});

Deno.test("aggregate() lets the higher value win when times are equal, and leaves out what was never set", () => {
  const [set, unset] = [keyOf("g", { l: "set" }), keyOf("g", { l: "unset" })];
  for (const values of [[1, 2, NaN], [2, NaN, 1], [NaN, 1, 2], [NaN, 2, 1], [2, 1, NaN]]) {
    const sources = values.map((value, i) =>
      sourceOf(`${i}`, "gauge_mostrecent", [[set, value, 5], [unset, i, i === 0 ? NaN : 0]])
    );
    assertEquals(aggregated(...sources), { 'g{l="set"}': 2 });
  }
});

Deno.test("aggregate() prefers numbers to NaN in min and max, and sums give NaN", () => {
  const key = keyOf("g");
  const valueOf = (mode: string, ...values: number[]): number | undefined =>
    aggregated(...values.map((value, i) => sourceOf(`${i}`, `gauge_${mode}`, [[key, value]])))["g"];
  for (const values of [[NaN, 2, 1], [2, NaN, 1], [1, 2, NaN]]) {
    assertEquals(valueOf("min", ...values), 1);
    assertEquals(valueOf("max", ...values), 2);
    assertEquals(valueOf("sum", ...values), NaN);
  }
  assertEquals([valueOf("min", NaN), valueOf("max", NaN, NaN)], [NaN, NaN]);
  assertEquals(valueOf("min", Infinity, 3), 3);
  assertEquals(valueOf("max", -Infinity), -Infinity);
});

Deno.test("aggregate() leaves out absent entries", () => {
  const [kept, gone] = [keyOf("g", { l: "kept" }), keyOf("g", { l: "gone" })];
  for (const mode of ["all", "min", "max", "mostrecent", "average", "first"] as const) {
    const a = sourceOf("a", `gauge_${mode}`, [[kept, 4, 1], [gone, 4, 1]]);
    const b = sourceOf("b", `gauge_${mode}`, [[kept, 2, 2], [gone, 2, 2]]);
    const aggregator = createAggregator();
    const snapshot = snapshotOf(a, b);
    assertEquals(aggregator.aggregate(snapshot).seriesCount, mode === "all" ? 4 : 2);
    for (const [source, entry] of [[a, 0], [a, 1], [b, 1]] as const) {
      markAbsent({ values: source.values, index: entry * 2, timestampIndex: -1 }, mode);
    }
    const label = mode === "all" ? '{l="kept",pid="b"}' : '{l="kept"}';
    assertEquals(printed(aggregator.aggregate(snapshot)), { [`g${label}`]: 2 });
    b.values[2] = 8;
    b.values[3] = 3;
    assertEquals(aggregator.aggregate(snapshot).seriesCount, 2);
  }
});

Deno.test("aggregate() sums counters of all writers, dead ones and duplicate entries too", () => {
  const key = keyOf("x", {}, "x_total");
  const result = aggregated(
    sourceOf("a", "counter", [[key, 1], [key, 2]]),
    sourceOf("b", "counter", [[key, 4]], { liveness: "dead" }),
  );
  assertEquals(result, { "x_total": 7 });
});

Deno.test("aggregate() passes the counts and sums of summaries through", () => {
  const entries = [[keyOf("s", {}, "s_count"), 2], [keyOf("s", {}, "s_sum"), 0.1]] as const;
  const result = aggregated(sourceOf("a", "summary", entries), sourceOf("b", "summary", entries));
  assertEquals(result, { s_count: 4, s_sum: 0.2 });
});

Deno.test("aggregate() adds buckets by bound and accumulates them", () => {
  const bucket = (le: string): string => keyOf("h", { a: "1", le }, "h_bucket");
  const sum = keyOf("h", { a: "1" }, "h_sum");
  const result = aggregated(
    sourceOf("a", "histogram", [[sum, 1.5], [bucket("+Inf"), 1], [bucket("1.0"), 2]]),
    sourceOf("b", "histogram", [[bucket("1"), 3], [bucket("2.5e+00"), 4], [bucket("inf"), 5]]),
  );
  assertEquals(Object.entries(result), [
    ['h_bucket{a="1",le="1.0"}', 5],
    ['h_bucket{a="1",le="2.5"}', 9],
    ['h_bucket{a="1",le="+Inf"}', 15],
    ['h_sum{a="1"}', 1.5],
    ['h_count{a="1"}', 15],
  ]);
});

Deno.test("aggregate() completes histograms without a last bucket", () => {
  const bucket = keyOf("h", { le: "1.0" }, "h_bucket");
  const count = keyOf("only_count", {}, "only_count_count");
  const sum = keyOf("only_sum", {}, "only_sum_sum");
  const source = sourceOf("a", "histogram", [[bucket, 2], [count, 3], [sum, 4]]);
  assertEquals(aggregated(source), {
    'h_bucket{le="1.0"}': 2,
    'h_bucket{le="+Inf"}': 2,
    h_count: 2,
    'only_count_bucket{le="+Inf"}': 3,
    only_count_count: 3,
    'only_sum_bucket{le="+Inf"}': 0,
    only_sum_sum: 4,
    only_sum_count: 0,
  });
});

Deno.test("aggregate() adds what accumulators keep beside their rounded values", () => {
  const key = keyOf("x");
  const retired = sourceOf("retired", "counter", [[keyOf("y"), 1], [key, 2 ** 53 + 2]], {
    accumulator: true,
    components: new Map([[1, [-1, 1e-36]]]),
  });
  assertEquals(aggregated(retired)["x"], 2 ** 53 + 2);
  assertEquals(aggregated(retired, sourceOf("a", "counter", [[key, 1]]))["x"], 2 ** 53 + 2);
  assertEquals(aggregated(retired, sourceOf("a", "counter", [[key, -2]]))["x"], 2 ** 53 - 1);
});

Deno.test("aggregate() gives the same bits however writers are grouped into an accumulator", () => {
  const random = createRandom(5);
  const key = keyOf("x");
  for (let round = 0; round < 300; round++) {
    const values = randomDoubles(2 + Math.floor(random() * 8), round);
    const sourcesOf = (list: readonly number[]): SampleSource[] =>
      list.map((value, i) => sourceOf(`w${i}`, "counter", [[key, value]]));
    const expected = aggregated(...sourcesOf(values))["x"];
    const mixed = values.map((value) => [random(), value] as const).sort((a, b) => a[0] - b[0])
      .map(([, value]) => value);
    assertStrictEquals(aggregated(...sourcesOf(mixed))["x"], expected);
    const cut = 1 + Math.floor(random() * (values.length - 1));
    const folded = new ExactSum();
    for (const value of mixed.slice(0, cut)) folded.add(value);
    const retired = sourceOf("retired", "counter", [[key, folded.rounded()]], {
      accumulator: true,
      components: new Map([[0, folded.components()]]),
    });
    assertStrictEquals(aggregated(retired, ...sourcesOf(mixed.slice(cut)))["x"], expected);
  }
});

Deno.test("aggregate() sees values, new keys, sources and liveness change", () => {
  const aggregator = createAggregator();
  const [x, y] = [keyOf("x"), keyOf("y")];
  const a = sourceOf("a", "gauge_livesum", [[x, 1]]);
  const b = sourceOf("b", "gauge_livesum", [[x, 10]]);
  assertEquals(printed(aggregator.aggregate(snapshotOf(a))), { x: 1 });
  assertEquals(printed(aggregator.aggregate(snapshotOf(a, b))), { x: 11 });
  setEntries(a, [[x, 2], [y, 3]]);
  assertEquals(printed(aggregator.aggregate(snapshotOf(a, b))), { x: 12, y: 3 });
  a.liveness = "dead";
  assertEquals(printed(aggregator.aggregate(snapshotOf(a, b))), { x: 10 });
  a.liveness = "live";
  assertEquals(printed(aggregator.aggregate(snapshotOf(a, b))), { x: 12, y: 3 });
  a.revision++;
  setEntries(a, [[y, 5]]);
  assertEquals(printed(aggregator.aggregate(snapshotOf(a, b))), { x: 10, y: 5 });
  assertEquals(printed(aggregator.aggregate(snapshotOf())), {});
});

Deno.test("aggregate() equals a fresh aggregator after any history", () => {
  const random = createRandom(23);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const types = [
    "counter",
    "histogram",
    "gauge_all",
    "gauge_livesum",
    "gauge_min",
    "gauge_average",
  ];
  const entryOf = (type: string): string => {
    const l = `${Math.floor(random() * 6)}`;
    if (type !== "histogram") return keyOf(type, { l });
    if (random() < 0.3) return keyOf(type, { l }, "histogram_sum");
    return keyOf(type, { l, le: pick(["1.0", "2.0", "+Inf"]) }, "histogram_bucket");
  };
  const aggregator = createAggregator({ guard: false });
  let sources: ReturnType<typeof sourceOf>[] = [];
  for (let round = 0, id = 0; round < 400; round++) {
    if (random() < 0.4) sources.push(sourceOf(`w${id++}`, pick(types), []));
    if (random() < 0.3) sources = sources.filter(() => random() > 0.15);
    for (const source of sources) {
      if (random() < 0.3) source.liveness = pick(["live", "live", "dead", "unknown"]);
      if (random() < 0.5) continue;
      const type = source.name.slice(0, source.name.lastIndexOf("_"));
      const keys = new Set([...source.keys, entryOf(type)]);
      setEntries(source, [...keys].map((key) => [key, Math.floor(random() * 1000) / 8]));
    }
    const snapshot = snapshotOf(...sources);
    const result = printed(aggregator.aggregate(snapshot));
    assertEquals(Object.entries(result), Object.entries(aggregated(...sources)));
  }
  assert(sources.length > 0);
});
