/**
 * Fills the files of one writer with every kind and mode that Python's client knows, says so, and
 * lives on: Python shows live gauges of whoever has files.
 *
 * usage: fill_metrics.ts DIRECTORY timestamp|value NUMBER
 */
import { openStorage } from "../../../src/adapters/library/open_storage.ts";
import { Counter, Gauge, Histogram, Summary } from "../../../src/core/mod.ts";
import type { GaugeMode } from "../../../src/core/modes.ts";

const [directory, layout, text] = Deno.args as [string, "timestamp" | "value", string];
const number = Number(text);
const storage = openStorage({ directory, layout });

// Named as Python names them: with `_total` stored apart, the two print different TYPE lines.
new Counter({ name: "plain_total", help: "a counter without labels" }).inc(number + 1);
const odd = new Counter({
  name: "odd_labels_total",
  help: 'help with \\ and "quotes" and\nnewline',
  labelNames: ["v"],
});
const oddValues = [
  'quote"',
  "back\\slash",
  "new\nline",
  "café ✓ \u{1f600}",
  "a,b=c{d}",
  "",
  " lead",
];
for (const value of [...oddValues, "x|y", "\t", "]", '["a", "b"]', "\u007f"]) {
  odd.labels(value).inc(0.5 * (number + 1));
}
const requests = new Counter({
  name: "requests_total",
  help: "requests by method and path",
  labelNames: ["method", "path"],
});
for (let i = 0; i < 900; i++) {
  requests.labels(i % 3 ? "GET" : "POST", `/items/${i}`).inc(i + number);
}
const latency = new Histogram({
  name: "latency_seconds",
  help: "latency",
  labelNames: ["route"],
  buckets: [0.005, 0.1, 1, 2.5, 10, 1e6, 1e-7],
});
const payload = new Summary({ name: "payload_bytes", help: "payload", labelNames: ["dir"] });
for (let i = 0; i < 50; i++) {
  latency.labels("/a").observe(i * 0.0625 * (number + 1));
  latency.labels("/b").observe(i);
  payload.labels("in").observe(10 * number + i);
}
payload.labels("out").observe(3.25);
const modes: GaugeMode[] = ["all", "liveall", "min", "livemin", "max", "livemax", "sum", "livesum"];
if (layout === "timestamp") modes.push("mostrecent", "livemostrecent");
for (const multiprocessMode of modes) {
  const gauge = new Gauge({
    name: `g_${multiprocessMode}`,
    help: `gauge in mode ${multiprocessMode}`,
    labelNames: ["l"],
    multiprocessMode,
  });
  gauge.labels("a").set([5, -2.5, 3][number] as number);
  gauge.labels("b").set(1e21 * (number + 1));
}
const special = new Gauge({ name: "g_special", help: "special values", labelNames: ["l"] });
special.labels("inf").set(Infinity);
special.labels("ninf").set(-Infinity);
special.labels("nan").set(NaN);
special.labels("tiny").set(5e-324);

await storage.writer.flush();
console.log(`filled unstored=${storage.writer.unstored}`);
setInterval(() => {}, 1000);
