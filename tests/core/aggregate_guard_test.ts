import { assertEquals } from "@std/assert";
import { createAggregator } from "../../src/core/aggregate.ts";
import { keyOf, printed, setEntries, snapshotOf, sourceOf } from "../support/snapshots.ts";

const X = keyOf("x");
const SUM = keyOf("h", {}, "h_sum");
const BUCKET = keyOf("h", { le: "+Inf" }, "h_bucket");

Deno.test("aggregate() never prints a counter lower than before while its sources stay", () => {
  const aggregator = createAggregator();
  const a = sourceOf("a", "counter", [[X, 514.5000000000001]]);
  assertEquals(aggregator.aggregate(snapshotOf(a)).corrections, 0);
  setEntries(a, [[X, 514.5]]);
  const corrected = aggregator.aggregate(snapshotOf(a));
  assertEquals(printed(corrected), { x: 514.5000000000001 });
  assertEquals(corrected.corrections, 1);
  assertEquals(aggregator.aggregate(snapshotOf(a)).corrections, 2);
  setEntries(a, [[X, 515]]);
  const grown = aggregator.aggregate(snapshotOf(a));
  assertEquals([printed(grown)["x"], grown.corrections], [515, 2]);
});

Deno.test("aggregate() keeps the guard when an accumulator takes the place of a source", () => {
  const aggregator = createAggregator();
  const b = sourceOf("b", "counter", [[X, 1]]);
  aggregator.aggregate(snapshotOf(sourceOf("a", "counter", [[X, 10]]), b));
  const retired = sourceOf("retired", "counter", [[X, 9]], { accumulator: true });
  const folded = aggregator.aggregate(snapshotOf(retired, b));
  assertEquals([printed(folded)["x"], folded.corrections], [11, 1]);
});

for (const accumulator of [true, false]) {
  const what = accumulator ? "an accumulator" : "a writer";
  Deno.test(`aggregate() drops the guard when ${what} makes room for the accumulator of another run`, () => {
    const aggregator = createAggregator();
    aggregator.aggregate(
      snapshotOf(sourceOf("a", "counter", [[X, 10]], { accumulator, startTime: 1 })),
    );
    const other = sourceOf("retired", "counter", [[X, 2]], { accumulator: true, startTime: 2 });
    const result = aggregator.aggregate(snapshotOf(other));
    assertEquals([printed(result)["x"], result.corrections], [2, 0]);
  });
}

Deno.test("aggregate() drops the guard of the series whose source disappeared", () => {
  const aggregator = createAggregator();
  const y = keyOf("y");
  const a = sourceOf("a", "counter", [[X, 10]]);
  const b = sourceOf("b", "counter", [[X, 1], [y, 5]]);
  aggregator.aggregate(snapshotOf(a, b));
  setEntries(b, [[X, 1], [y, 4]]);
  const after = aggregator.aggregate(snapshotOf(b));
  assertEquals(printed(after), { x: 1, y: 5 });
  assertEquals(after.corrections, 1);
});

Deno.test("aggregate() drops the guard when a source starts anew under the same name", () => {
  const aggregator = createAggregator();
  const a = sourceOf("a", "counter", [[X, 10]]);
  aggregator.aggregate(snapshotOf(a));
  a.revision++;
  setEntries(a, [[X, 2]]);
  assertEquals(printed(aggregator.aggregate(snapshotOf(a))), { x: 2 });
});

Deno.test("aggregate() guards buckets and counts together, and sums against rounding only", () => {
  const aggregator = createAggregator();
  const inner = keyOf("h", { le: "1.0" }, "h_bucket");
  const a = sourceOf("a", "histogram", [[inner, 2], [BUCKET, 3], [SUM, 7.000000000000001]]);
  aggregator.aggregate(snapshotOf(a));
  setEntries(a, [[inner, 1], [BUCKET, 3], [SUM, 7]]);
  const corrected = aggregator.aggregate(snapshotOf(a));
  assertEquals(Object.values(printed(corrected)), [2, 5, 7.000000000000001, 5]);
  assertEquals(corrected.corrections, 3);
  setEntries(a, [[inner, 3], [BUCKET, 3], [SUM, 5]]);
  const negative = aggregator.aggregate(snapshotOf(a));
  assertEquals(Object.values(printed(negative)), [3, 6, 5, 6]);
  assertEquals(negative.corrections, 3);
});

Deno.test("aggregate() drops the guard of a histogram without a stored last bucket", () => {
  const aggregator = createAggregator();
  const inner = keyOf("h", { le: "1.0" }, "h_bucket");
  const b = sourceOf("b", "histogram", [[inner, 2]]);
  aggregator.aggregate(snapshotOf(sourceOf("a", "histogram", [[inner, 9]]), b));
  assertEquals(Object.values(printed(aggregator.aggregate(snapshotOf(b)))), [2, 2, 2]);
});

Deno.test("aggregate() does not guard gauges", () => {
  const aggregator = createAggregator();
  const a = sourceOf("a", "gauge_sum", [[X, 10]]);
  aggregator.aggregate(snapshotOf(a));
  setEntries(a, [[X, 2]]);
  assertEquals(printed(aggregator.aggregate(snapshotOf(a))), { x: 2 });
});

Deno.test("createAggregator() prints what is there when the guard is off, or after reset()", () => {
  for (const guard of [true, false]) {
    const aggregator = createAggregator({ guard });
    const a = sourceOf("a", "counter", [[X, 10]]);
    aggregator.aggregate(snapshotOf(a));
    setEntries(a, [[X, 2]]);
    if (guard) aggregator.reset();
    const result = aggregator.aggregate(snapshotOf(a));
    assertEquals([printed(result)["x"], result.corrections], [2, 0]);
  }
});

Deno.test("aggregate() prints what follows a NaN or infinite total", () => {
  const aggregator = createAggregator();
  const a = sourceOf("a", "counter", [[X, NaN]]);
  assertEquals(printed(aggregator.aggregate(snapshotOf(a))), { x: NaN });
  setEntries(a, [[X, 1]]);
  assertEquals(printed(aggregator.aggregate(snapshotOf(a))), { x: 1 });
});

Deno.test("aggregate() takes a total to go on in an accumulator of the same storage alone", () => {
  const aggregator = createAggregator();
  const a = sourceOf("a", "counter", [[X, 10]], { startTime: 5 });
  const retired = sourceOf("retired", "counter", [[X, 2]], { accumulator: true, startTime: 1 });
  const other = sourceOf("other", "counter", [[X, 3]], { accumulator: true, startTime: 6 });
  const storages = new Map([[a, "redis"], [retired, "directory"], [other, "redis"]]);
  aggregator.aggregate({ ...snapshotOf(a, retired, other), storages });
  const emptied = aggregator.aggregate({ ...snapshotOf(retired, other), storages });
  assertEquals([printed(emptied).x, emptied.corrections], [5, 0]);
  for (const [name, corrections] of [["redis", 0], ["directory", 1]] as const) {
    const guarded = createAggregator();
    const storages = new Map([[a, "directory"], [retired, name], [other, name]]);
    guarded.aggregate({ ...snapshotOf(a, retired), storages });
    const folded = guarded.aggregate({ ...snapshotOf(retired, other), storages });
    assertEquals([printed(folded).x, folded.corrections], [[5, 12][corrections], corrections]);
  }
});
