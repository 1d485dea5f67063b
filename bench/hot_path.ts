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
import {
  type Figure,
  type Measured,
  measureWith,
  median,
  type PreparedContest,
} from "./support/contest.ts";

const ROUNDS = 5;
const BATCHES = 31;
const WARM_UP = 20_000;
/** Short enough to fit between two turns of the scheduler, long enough for the clock. */
const BATCH_MS = 4;
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Four routes, as a server has them; texts of their own, as they come from requests. */
const REQUESTS = ["/users", "/orders", "/items/1", "/"].map((path, i) => ({
  method: i % 2 === 0 ? "GET" : "POST",
  path,
}));
/** How many kept children take turns: a server does not count the same thing over and over. */
const CHILDREN = 16;

/**
 * One child: bound by the time until an add to an address can follow the one before, whoever adds, so
 * nothing can be faster than the bare add. Children in turns: bound by the work of an update.
 */
const KEPT_INC = "kept child inc()";
const KEPT_INC_IN_TURNS = `${CHILDREN} kept children inc() in turns`;
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
        figure(KEPT_INC, "bare", { slower: 2 }),
        figure(KEPT_INC, "prom-client"),
        figure(KEPT_INC_IN_TURNS, "bare"),
        figure(KEPT_INC_IN_TURNS, "prom-client", { faster: 25 }),
        figure(LABELLED_INC, "prom-client", { faster: 3 }),
        figure(KEPT_OBSERVE, "prom-client", { faster: 15 }),
        ...[KEPT_INC, KEPT_INC_IN_TURNS, LABELLED_INC, KEPT_OBSERVE].map((what) => ({
          what: `${what}: mapped file against heap`,
          ours: ["ours", what] as const,
          other: ["heap", what] as const,
        })),
      ],
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

function figure(what: string, peer: string, bar?: NonNullable<Figure["bar"]>): Figure {
  return { what, ours: ["ours", what], other: [peer, what], ...bar && { bar } };
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
      throw new Error(
        "Cannot measure: the file is not mapped, expected --allow-ffi on Linux or macOS",
      );
    }
    processStore().open(writer);
    return measureMetrics(core);
  } finally {
    await writer[Symbol.asyncDispose]();
  }
}

function measureMetrics(library: typeof prom | typeof core): Measured {
  const { Counter, Histogram } = library as typeof prom;
  runProgram(library as typeof prom);
  const counter = new Counter({ name: "a_total", help: "a", labelNames: ["method", "path"] });
  const labelNames = ["method", "route", "status"];
  const served = new Counter({ name: "served_total", help: "a", labelNames });
  const children = Array.from(
    { length: CHILDREN },
    (_, i) => served.labels(i % 2 === 0 ? "GET" : "POST", `/api/v1/items/${i}`, "200"),
  );
  const kept = children[0]!;
  const histogram = new Histogram({ name: "h", help: "h", labelNames, buckets: BUCKETS });
  const observed = histogram.labels("GET", "/api/v1/items/:id", "200");
  return {
    [KEPT_INC]: time((rounds) => {
      for (let i = 0; i < rounds; i++) kept.inc();
    }),
    [KEPT_INC_IN_TURNS]: time((rounds) => {
      for (let i = 0; i < rounds; i++) children[i & (CHILDREN - 1)]!.inc();
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

/**
 * What else a server counts: metrics of every type with labels of several shapes. Without them V8
 * specialises what all metrics share to the one that is measured, which no program would see.
 */
function runProgram({ Counter, Gauge, Histogram, Summary }: typeof prom): void {
  const help = "h";
  const responses = new Counter({ name: "responses_total", help, labelNames: ["code", "worker"] });
  const errors = new Counter({ name: "errors_total", help, labelNames: ["type"] });
  const all = new Counter({ name: "all_total", help });
  const active = new Gauge({ name: "active", help, labelNames: ["state", "pool", "zone"] });
  const sizes = new Histogram({ name: "sizes", help, labelNames: ["method", "code"] });
  const waits = new Summary({ name: "waits", help, labelNames: ["queue"] });
  const [ok, failed] = [responses.labels("200", "w1"), errors.labels("timeout")];
  const [idle, size] = [active.labels("idle", "a", "z1"), sizes.labels("GET", "200")];
  for (let i = 0; i < WARM_UP; i++) {
    ok.inc();
    failed.inc(2);
    all.inc();
    responses.inc({ code: "500", worker: `w${i & 3}` });
    active.set({ state: "busy", pool: "a", zone: "z2" }, i);
    idle.inc();
    size.observe(i & 15);
    sizes.observe({ method: "POST", code: "200" }, 1);
    if (i % 100 === 0) waits.observe({ queue: "q" }, i);
  }
}

/** The floor: the same loops with nothing but the adds in them. */
function measureBare(): Measured {
  const values = new Float64Array(CHILDREN * 2);
  const slots = Int32Array.from({ length: CHILDREN }, (_, i) => i * 2);
  return {
    [KEPT_INC]: time((rounds) => {
      for (let i = 0; i < rounds; i++) values[4]! += 1;
    }),
    [KEPT_INC_IN_TURNS]: time((rounds) => {
      for (let i = 0; i < rounds; i++) values[slots[i & (CHILDREN - 1)]!]! += 1;
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
