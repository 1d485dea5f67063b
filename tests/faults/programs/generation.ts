/** The life of a worker: `generation.ts DIRECTORY`. It counts, observes and sets, and is killed. */
import { Counter, Gauge, GAUGE_MODES, Histogram, Summary } from "../../../src/core/mod.ts";
import { openStorage } from "../../../src/adapters/deno/mod.ts";

const [directory] = Deno.args as [string];
openStorage({ directory });

const labelNames = ["item"];
const counter = new Counter({ name: "work_total", help: "Work.", labelNames });
const histogram = new Histogram({ name: "seconds", help: "Time.", labelNames });
const summary = new Summary({ name: "bytes", help: "Sizes.", labelNames });
const gauges = GAUGE_MODES.filter((mode) => mode !== "all").map((multiprocessMode) =>
  new Gauge({ name: `level_${multiprocessMode}`, help: "Level.", labelNames, multiprocessMode })
);
for (let i = 0; i < 20; i++) {
  const item = String(i);
  counter.inc({ item }, 0.1);
  histogram.observe({ item }, 0.1 * i);
  summary.observe({ item }, 1e-9 * i);
  for (const gauge of gauges) gauge.set({ item }, i);
}
Deno.kill(Deno.pid, "SIGKILL");
