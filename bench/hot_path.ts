/**
 * The time of one update: of our metrics in a memory-mapped file, of prom-client's, and of a bare
 * `Float64Array` add, in the same loop. Each contestant is a process of its own: what V8 inlines in one
 * would otherwise depend on what ran before in the other.
 *
 * `deno run -A bench/hot_path.ts ours|heap|prom-client|bare` is a contestant; `deno task bench` the
 * contest.
 */
import * as prom from "prom-client";
import { denoFilePrimitives } from "../src/adapters/deno/file_primitives.ts";
import { createMemoryStorage } from "../src/core/memory_driver.ts";
import * as core from "../src/core/mod.ts";
import { processStore } from "../src/core/process_store.ts";
import { openFilesystemWriter } from "../src/storage/filesystem/writer.ts";
import { type Measured, measureWith, median, type PreparedContest } from "./support/contest.ts";

const ROUNDS = 5;
const BATCHES = 31;
/** Short enough to fit between two turns of the scheduler, long enough for the clock. */
const BATCH_MS = 4;
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Four routes, as a server has them; texts of their own, as they come from requests. */
const REQUESTS = ["/users", "/orders", "/items/1", "/"].map((path, i) => ({
  method: i % 2 === 0 ? "GET" : "POST",
  path,
}));

/** The figures, by contestant and case. */
const KEPT_INC = "kept child inc()";
const LABELLED_INC = "inc({ method, path })";
const KEPT_OBSERVE = "kept child observe(), 10 buckets";

if (import.meta.main) {
  const [role = "ours"] = Deno.args;
  console.log(JSON.stringify(await measure(role)));
}

/** Needs FFI for the mapped file, and nothing else. */
export async function prepare(): Promise<PreparedContest> {
  const directory = await Deno.makeTempDir({ prefix: "gpe_bench_" });
  const run = (name: string) => ({
    name,
    run: () => measureWith(Deno.execPath(), ["run", "-A", import.meta.url, name, directory]),
  });
  return {
    contest: {
      title: "Updates, time of one",
      unit: "ns",
      rounds: ROUNDS,
      contestants: [run("ours"), run("heap"), run("prom-client"), run("bare")],
      figures: [
        {
          what: `${KEPT_INC}, mapped file`,
          ours: ["ours", KEPT_INC],
          other: ["bare", KEPT_INC],
          bar: { slower: 2 },
        },
        {
          what: `${KEPT_INC}, mapped file`,
          ours: ["ours", KEPT_INC],
          other: ["prom-client", KEPT_INC],
          bar: { faster: 25 },
        },
        {
          what: `${LABELLED_INC}, mapped file`,
          ours: ["ours", LABELLED_INC],
          other: ["prom-client", LABELLED_INC],
          bar: { faster: 3 },
        },
        {
          what: `${KEPT_OBSERVE}, mapped file`,
          ours: ["ours", KEPT_OBSERVE],
          other: ["prom-client", KEPT_OBSERVE],
          bar: { faster: 15 },
        },
        { what: `${KEPT_INC}, heap`, ours: ["heap", KEPT_INC], other: ["bare", KEPT_INC] },
        {
          what: `${LABELLED_INC}, heap`,
          ours: ["heap", LABELLED_INC],
          other: ["prom-client", LABELLED_INC],
        },
      ],
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

async function measure(role: string): Promise<Measured> {
  if (role === "bare") return measureBare();
  if (role === "prom-client") return measureMetrics(prom);
  if (role !== "ours" && role !== "heap") throw new Error(`Cannot measure ${role}: unknown role`);
  const writer = role === "heap"
    ? createMemoryStorage().openWriter({ writer: "bench" })
    : openFilesystemWriter({
      directory: await Deno.makeTempDir({ dir: Deno.args[1]!, prefix: "run_" }),
      primitives: denoFilePrimitives,
    });
  try {
    if (role === "ours" && !writer.survivesKill) {
      throw new Error("Cannot measure: the file is not mapped, expected --allow-ffi on Linux or macOS");
    }
    processStore().open(writer);
    return measureMetrics(core);
  } finally {
    await writer[Symbol.asyncDispose]();
  }
}

function measureMetrics(library: typeof prom | typeof core): Measured {
  const { Counter, Histogram } = library as typeof prom;
  const counter = new Counter({ name: "a_total", help: "a", labelNames: ["method", "path"] });
  const kept = counter.labels("GET", "/");
  const histogram = new Histogram({ name: "h", help: "h", labelNames: ["path"], buckets: BUCKETS });
  const observed = histogram.labels("/");
  return {
    [KEPT_INC]: time((rounds) => {
      for (let i = 0; i < rounds; i++) kept.inc();
    }),
    [LABELLED_INC]: time((rounds) => {
      for (let i = 0; i < rounds; i++) {
        const { method, path } = REQUESTS[i & 3]!;
        counter.inc({ method, path });
      }
    }),
    [KEPT_OBSERVE]: time((rounds) => {
      for (let i = 0; i < rounds; i++) observed.observe((i & 127) / 40);
    }),
  };
}

/** The floor: the same loops with nothing but the adds in them. */
function measureBare(): Measured {
  const values = new Float64Array(16);
  return {
    [KEPT_INC]: time((rounds) => {
      for (let i = 0; i < rounds; i++) values[3]! += 1;
    }),
  };
}

/** The median time of one round, in nanoseconds. */
function time(loop: (rounds: number) => void): number {
  let rounds = 1000;
  for (let elapsed = 0; elapsed < BATCH_MS;) {
    rounds = Math.ceil(rounds * 1.5);
    const start = performance.now();
    loop(rounds);
    elapsed = performance.now() - start;
  }
  const batches = Array.from({ length: BATCHES }, () => {
    const start = performance.now();
    loop(rounds);
    return (performance.now() - start) * 1e6 / rounds;
  });
  return median(batches);
}
