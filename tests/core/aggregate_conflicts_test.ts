import { assertEquals, assertMatch } from "@std/assert";
import { createAggregator } from "../../src/core/aggregate.ts";
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import { type Entry, keyOf, printed, snapshotOf, sourceOf } from "../support/snapshots.ts";

Deno.test("aggregate() prints the type of the earliest writer and counts the other one", () => {
  const gauge = sourceOf("a", "gauge_sum", [[keyOf("x"), 1]], { startTime: 200 });
  const counter = sourceOf("b", "counter", [[keyOf("x"), 5]], { startTime: 100 });
  const result = createAggregator().aggregate(snapshotOf(gauge, counter));
  assertEquals(result.families.map(({ name, kind }) => ({ name, kind })), [
    { name: "x", kind: "counter" },
  ]);
  assertEquals(printed(result), { x: 5 });
  assertEquals(result.conflicts, [{
    name: "x",
    message: 'Left out gauge (sum) "x" of writer "a": counter "x" was there first',
  }]);
  assertEquals(result.conflictCount, 1);
});

Deno.test("aggregate() lets an accumulator win, then the order of names", () => {
  const sources = [
    sourceOf("a", "counter", [[keyOf("x"), 1]]),
    sourceOf("b", "gauge_sum", [[keyOf("x"), 2]]),
    sourceOf("retired", "histogram", [[keyOf("x", {}, "x_sum"), 3]], { accumulator: true }),
  ];
  const kindOf = (...list: typeof sources): string | undefined =>
    createAggregator().aggregate(snapshotOf(...list)).families[0]?.kind;
  assertEquals(kindOf(...sources), "histogram");
  assertEquals(kindOf(...sources.slice(0, 2)), "counter");
});

Deno.test("aggregate() keeps its choice while writers come and go, until reset()", () => {
  const aggregator = createAggregator();
  const late = sourceOf("a", "gauge_sum", [[keyOf("x"), 1]], { startTime: 200 });
  const early = sourceOf("b", "counter", [[keyOf("x"), 5]], { startTime: 100 });
  assertEquals(printed(aggregator.aggregate(snapshotOf(late))), { x: 1 });
  for (let i = 0; i < 2; i++) {
    const both = aggregator.aggregate(snapshotOf(late, early));
    assertEquals(printed(both), { x: 1 });
    assertEquals(both.conflictCount, 1);
  }
  const gone = aggregator.aggregate(snapshotOf(early));
  assertEquals(printed(gone), {});
  assertEquals(gone.conflicts.length, 1);
  assertEquals(aggregator.aggregate(snapshotOf()).conflicts, []);
  aggregator.reset();
  const again = aggregator.aggregate(snapshotOf(late, early));
  assertEquals(printed(again), { x: 5 });
  assertEquals(again.conflictCount, 2);
});

Deno.test("aggregate() leaves out values of another gauge mode", () => {
  const result = createAggregator().aggregate(snapshotOf(
    sourceOf("a", "gauge_max", [[keyOf("x"), 1]], { startTime: 1 }),
    sourceOf("b", "gauge_all", [[keyOf("x"), 5]], { startTime: 2 }),
  ));
  assertEquals(printed(result), { x: 1 });
  assertMatch(result.conflicts[0]?.message ?? "", /Left out gauge \(all\) "x" of writer "b"/);
});

Deno.test("aggregate() adds values with differing help and prints the first one's", () => {
  const result = createAggregator().aggregate(snapshotOf(
    sourceOf("a", "counter", [[keyOf("x", {}, "x", "Late"), 1]], { startTime: 2 }),
    sourceOf("b", "counter", [[keyOf("x", {}, "x", "Early"), 2]], { startTime: 1 }),
    sourceOf("c", "counter", [[keyOf("x", {}, "x", "Latest"), 4]], { startTime: 3 }),
  ));
  assertEquals(printed(result), { x: 7 });
  assertEquals(result.families[0]?.help, "Early");
  assertEquals(result.conflicts, [{
    name: "x",
    message: 'Writers disagree about the help of "x": "Early" was there first',
  }]);
  assertEquals(result.conflictCount, 1);
});

Deno.test("aggregate() prints one of the counters x and x_total", () => {
  const [bare, total] = [keyOf("x"), keyOf("x", {}, "x_total")];
  const result = createAggregator().aggregate(snapshotOf(
    sourceOf("a", "counter", [[bare, 1]], { startTime: 2 }),
    sourceOf("b", "counter", [[total, 5]], { startTime: 1 }),
  ));
  assertEquals(printed(result), { x_total: 5 });
  assertMatch(result.conflicts[0]?.message ?? "", /Left out counter "x" .* counter "x_total" was/);
});

Deno.test("aggregate() takes a counter stored under its full name for the same one", () => {
  const result = createAggregator().aggregate(snapshotOf(
    sourceOf("a", "counter", [[keyOf("x_total"), 1]]),
    sourceOf("b", "counter", [[keyOf("x", {}, "x_total"), 5]]),
  ));
  assertEquals(printed(result), { x_total: 6 });
  assertEquals(result.conflicts, []);
});

Deno.test("aggregate() never prints a name that another family's samples use", () => {
  const bucket = keyOf("h", { le: "+Inf" }, "h_bucket");
  for (const suffix of ["bucket", "sum", "count"]) {
    const clashing = sourceOf("z", "counter", [[keyOf(`h_${suffix}`), 5]], { startTime: 2 });
    const histogram = sourceOf("a", "histogram", [[bucket, 1]], { startTime: 1 });
    const result = createAggregator().aggregate(snapshotOf(histogram, clashing));
    assertEquals(printed(result), { 'h_bucket{le="+Inf"}': 1, h_count: 1 });
    assertEquals(result.conflicts.map(({ name }) => name), [`h_${suffix}`]);
  }
});

Deno.test("aggregate() prints a gauge x beside a counter x_total", () => {
  const result = createAggregator().aggregate(snapshotOf(
    sourceOf("a", "gauge_sum", [[keyOf("x"), 1]]),
    sourceOf("a", "counter", [[keyOf("x", {}, "x_total"), 5]]),
  ));
  assertEquals(printed(result), { x: 1, x_total: 5 });
  assertEquals(result.conflicts, []);
});

Deno.test("aggregate() skips and names entries that cannot be used", () => {
  const bad: readonly (readonly [type: string, key: string, why: RegExp])[] = [
    ["counter", "", /is not a sample key/],
    ["counter", "x".repeat(5_000_000), /^Entry "x{80}…" is not a sample key$/],
    ["counter", '["x", "x", {"l": 1}, "h"]', /is not a sample key/],
    ["counter", keyOf("0x"), /invalid metric name/],
    ["counter", keyOf("x y"), /invalid metric name/],
    ["counter", keyOf("x", {}, 'x{a="b"}'), /invalid metric name/],
    ["counter", keyOf("x", { "0": "1" }), /invalid label name/],
    ["counter", keyOf("x", { __name__: "y" }), /invalid label name/],
    ["counter", keyOf("x", {}, "y"), /sample name that no counter has/],
    ["counter", keyOf("_total"), /sample name that no counter has/],
    ["gauge_all", keyOf("x", {}, "x_total"), /sample name that no gauge has/],
    ["summary", keyOf("x", { quantile: "0.5" }), /sample name that no summary has/],
    ["summary", keyOf("x", { quantile: "0.5" }, "x_sum"), /label "quantile"/],
    ["histogram", keyOf("x", {}, "x_bucket"), /no numeric label "le"/],
    ["histogram", keyOf("x", { le: "0x10" }, "x_bucket"), /no numeric label "le"/],
    ["histogram", keyOf("x", { le: "" }, "x_bucket"), /no numeric label "le"/],
    ["histogram", keyOf("x", { le: "NaN" }, "x_bucket"), /no numeric label "le"/],
    ["histogram", keyOf("x", { le: "1.0" }, "x_sum"), /label "le" that no histogram may have/],
  ];
  for (const [type, key, why] of bad) {
    const good = sourceOf("good", "counter", [[keyOf("good"), 1]]);
    const result = createAggregator().aggregate(
      snapshotOf(sourceOf("bad", type, [[key, 1], [key, 1]]), good),
    );
    assertEquals(printed(result), { good: 1 });
    assertEquals(result.problems.map(({ source }) => source), [`${type}_bad`]);
    const [first, more] = (result.problems[0]?.message ?? "").split(" (and ");
    assertMatch(first ?? "", why);
    assertEquals(more, "1 more)");
  }
});

Deno.test("aggregate() takes any label name and value that can be printed", () => {
  const entries: Entry[] = [
    [keyOf("x", { __proto__x: "1", constructor: "2" }), 1],
    ['["x", "x", {"__proto__": "p"}, "Help"]', 2],
    [keyOf("x", { le: "text", quantile: "q", pid: "mine" }), 3],
    [keyOf("x", { l: "y".repeat(2_000_000) }), 4],
  ];
  const result = createAggregator().aggregate(snapshotOf(sourceOf("a", "counter", entries)));
  assertEquals(result.seriesCount, 4);
  assertEquals(printed(result)['x{__proto__="p"}'], 2);
  assertEquals(printed(result)['x{le="text",pid="mine",quantile="q"}'], 3);
  assertEquals(result.problems, []);
});

Deno.test("aggregate() puts the writer in place of a stored pid label", () => {
  const entries: Entry[] = [[keyOf("x", { pid: "0" }), 1], [keyOf("x", { pid: "1" }), 2]];
  const result = createAggregator().aggregate(snapshotOf(sourceOf("7", "gauge_all", entries)));
  assertEquals(printed(result), { 'x{pid="7"}': 2 });
});

Deno.test("aggregate() makes one series of texts that are the same once printed", () => {
  const entries: Entry[] = ["\ud800", "\udc00", "\ufffd"].map((l) => [keyOf("x", { l }), 1]);
  const result = createAggregator().aggregate(snapshotOf(sourceOf("a", "counter", entries)));
  assertEquals(printed(result), { 'x{l="\ufffd"}': 3 });
});

Deno.test("aggregate() keeps label values apart whatever they look like", () => {
  const values = ['a",b="c', "a\\", 'a\\"', "a\n", "a\\n", "", "a,b", "a|b"];
  const entries: Entry[] = values.map((l, i) => [
    encodeSampleKey("x", "x", { l, m: "" }, "Help"),
    i,
  ]);
  const result = createAggregator().aggregate(snapshotOf(sourceOf("a", "counter", entries)));
  const series = result.families[0]?.series ?? [];
  const found = new Map(series.map(({ labels, value }) => [value, labels[0]?.[1]]));
  assertEquals([...found].sort(([a], [b]) => a - b).map(([, value]) => value), values);
});
