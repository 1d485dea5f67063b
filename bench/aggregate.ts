/**
 * What a scrape costs once the values are in memory: 8 sources of 5,000 two-label counters each,
 * aggregated and printed again and again, between increments.
 *
 *     deno run -A bench/aggregate.ts
 *
 * @module
 */
import { createAggregator } from "../src/core/aggregate.ts";
import { renderOpenMetrics } from "../src/core/exposition_openmetrics.ts";
import { renderText } from "../src/core/exposition_text.ts";
import { createMemoryStorage } from "../src/core/memory_driver.ts";
import { encodeSampleKey } from "../src/core/sample_key.ts";
import type { Cell } from "../src/core/storage.ts";

const WRITERS = 8;
const SERIES = 5_000;
const ROUNDS = 200;

/** The middle one of the times of `ROUNDS` runs, in milliseconds; `prepare` is not timed. */
function medianMs(prepare: () => void, run: () => void): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    prepare();
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[ROUNDS / 2] as number;
}

async function measure(increment: number): Promise<void> {
  const storage = createMemoryStorage();
  const cells: Cell[] = [];
  for (let w = 0; w < WRITERS; w++) {
    const writer = storage.openWriter({ writer: `${w}` });
    for (let i = 0; i < SERIES; i++) {
      const labels = { method: i % 2 === 0 ? "GET" : "POST", path: `/items/${i}` };
      const key = encodeSampleKey("bench_requests", "bench_requests_total", labels, "Requests");
      cells.push(writer.allocate("counter", undefined, key));
    }
  }
  const reader = storage.openReader();
  const aggregator = createAggregator();
  const snapshot = await reader.read();
  const start = performance.now();
  let { families } = aggregator.aggregate(snapshot);
  const first = performance.now() - start;
  const increase = (): void => {
    for (const { values, index } of cells) values[index] = (values[index] as number) + increment;
    // The memory driver reads at once, into the arrays of the sources that are here already.
    void reader.read();
  };
  // The physical floor: the same doubles added into one array, without labels, exactness or liveness.
  const sums = new Float64Array(SERIES);
  const floor = medianMs(increase, () => {
    for (const { values, slots } of snapshot.sources) {
      for (let i = 0; i < SERIES; i++) {
        sums[i] = (sums[i] as number) + (values[slots[i]!] as number);
      }
    }
  });
  const aggregate = medianMs(increase, () => {
    ({ families } = aggregator.aggregate(snapshot));
  });
  const timesOf = (render: () => string): number => {
    let bytes = 0;
    return medianMs(() => {
      increase();
      ({ families } = aggregator.aggregate(snapshot));
    }, () => {
      bytes += new TextEncoder().encode(render()).length;
    });
  };
  const text = timesOf(() => renderText(families));
  const openMetrics = timesOf(() => renderOpenMetrics(families));
  const rows: [string, number][] = [
    ["bare adds", floor],
    ["first aggregation, keys parsed", first],
    ["aggregate", aggregate],
    ["text 0.0.4, encoded", text],
    ["OpenMetrics, encoded", openMetrics],
  ];
  console.log(`increments of ${increment}: ${WRITERS} sources x ${SERIES} counters, median ms`);
  for (const [name, ms] of rows) console.log(`  ${name.padEnd(32)}${ms.toFixed(3).padStart(8)}`);
}

await measure(1);
await measure(0.1);
