/**
 * What Redis as storage costs an app: processor time and elapsed time a request of the same
 * instrumented app with its values in memory alone, and with Redis. Each request adds to one of 300
 * series of its own beside those of the library, so each flush has something to send.
 *
 * Both servers run all the time, and are loaded in turns. What the server was asked is counted by the
 * server itself.
 *
 * `deno run -A bench/redis_requests.ts memory|PORT` is an app; `deno task bench` the contest.
 */
import process from "node:process";
import { captureDenoServe } from "../src/adapters/deno/capture_serve.ts";
import { startWorkerInstrumentation } from "../src/adapters/library/instrument.ts";
import { Counter } from "../src/core/counter.ts";
import { SILENT_LOG } from "../src/core/log.ts";
import { createMemoryStorage } from "../src/core/memory_driver.ts";
import { processStore } from "../src/core/process_store.ts";
import type { StorageWriter } from "../src/core/storage.ts";
import { openRedisWriter } from "../src/storage/redis/writer.ts";
import { commandCounts } from "../tests/storage/redis/_support.ts";
import { externals } from "../tests/support/externals.ts";
import { openConnection } from "../tests/support/redis_connection.ts";
import { startRedis } from "../tests/support/redis_server.ts";
import { ROOT, spawn, type Spawned } from "../tests/support/spawn.ts";
import type { Measured, PreparedContest } from "./support/contest.ts";
import { loadFromOutside } from "./support/http_load.ts";
import { PREFIX } from "./support/redis_series.ts";

const ROUNDS = 31;
const WARM_UP_MS = 1000;
const MEASURED_MS = 1000;
const SERIES = 300;

/** At least 0.95 of the requests a second is at most 1 / 0.95 of the time a request. */
const BAR = { slower: 1 / 0.95 };

/** A script a flush, with five commands and one for each family that changed. */
const MOST_SCRIPTS = 3;
const MOST_COMMANDS = 40;

if (import.meta.main) await serve(Deno.args[0]!);

/** Needs redis-server. */
export async function prepare(): Promise<PreparedContest> {
  if (externals["redis-server"] === undefined) {
    const reason = "redis-server is missing";
    return { contest: undefined, reason, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const admin = stack.use(await openConnection(redis));
  const app = async (storage: string): Promise<App> => {
    const program = stack.use(
      spawn(Deno.execPath(), ["run", "-A", import.meta.url, storage], { cwd: ROOT }),
    );
    const [, port, control] = await program.waitForOutput(/^(\d+) (\d+)$/m);
    await loadFromOutside(Number(port), "GET", WARM_UP_MS);
    return { program, port: Number(port), control: Number(control) };
  };
  const memory = await app("memory");
  const stored = await app(`${redis.port}`);
  const counts = (): Promise<Map<string, number>> => commandCounts(admin);
  const moved = stack.move();
  return {
    contest: {
      title: `An app on Redis, ${SERIES} series change a second`,
      unit: "us",
      rounds: ROUNDS,
      contestants: [
        { name: "Redis", run: () => measure(stored, counts) },
        { name: "memory", run: () => measure(memory, counts) },
      ],
      figures: [
        {
          what: "processor time a request",
          ours: ["Redis", "processor"],
          other: ["memory", "processor"],
          bar: BAR,
        },
        {
          what: "elapsed time a request",
          ours: ["Redis", "elapsed"],
          other: ["memory", "elapsed"],
          bar: BAR,
        },
        {
          what: "flush scripts",
          ours: ["Redis", "scripts"],
          bar: { most: MOST_SCRIPTS },
          unit: "a second",
        },
        {
          what: "all commands, those in scripts too",
          ours: ["Redis", "commands"],
          bar: { most: MOST_COMMANDS },
          unit: "a second",
        },
        { what: "requests", ours: ["Redis", "requests"], unit: "a second" },
      ],
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

interface App {
  readonly program: Spawned;
  readonly port: number;
  readonly control: number;
}

/** Loads an app for a while. */
async function measure(
  { port, control }: App,
  counts: () => Promise<Map<string, number>>,
): Promise<Measured> {
  const processorTime = async (): Promise<number> =>
    Number(await (await fetch(`http://127.0.0.1:${control}`)).text());
  const before = await counts();
  const start = performance.now();
  const processor = await processorTime();
  const requests = await loadFromOutside(port, "GET", MEASURED_MS);
  const used = await processorTime() - processor;
  const seconds = (performance.now() - start) / 1000;
  let scripts = 0;
  let commands = 0;
  for (const [name, count] of await counts()) {
    if (name === "info") continue; // How they are counted.
    const more = count - (before.get(name) ?? 0);
    commands += more;
    if (name.startsWith("eval")) scripts += more;
  }
  return {
    processor: used / requests,
    elapsed: MEASURED_MS * 1000 / requests,
    requests: requests * 1000 / MEASURED_MS,
    scripts: scripts / seconds,
    commands: commands / seconds,
  };
}

/** The app. It prints its port, and that of a server that tells its processor time so far in us. */
async function serve(storage: string): Promise<void> {
  processStore().open(await openWriter(storage));
  const control = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    const { user, system } = process.cpuUsage();
    return new Response(String(user + system));
  });
  captureDenoServe({
    address: { hostname: "127.0.0.1", port: 0 },
    reusePort: false,
    claim: { taken: false },
    accessLog: undefined,
    instrumentation: startWorkerInstrumentation(),
    onServing: () => {},
    log: SILENT_LOG,
  });
  const counter = new Counter({
    name: "app_requests_total",
    help: "Requests by route.",
    labelNames: ["method", "route"],
  });
  const series = Array.from({ length: SERIES }, (_, i) => counter.labels("GET", `/route/${i}`));
  let next = 0;
  const app = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    series[next++ % SERIES]!.inc();
    return new Response("Hello, world");
  });
  console.log(`${app.addr.port} ${control.addr.port}`);
}

async function openWriter(storage: string): Promise<StorageWriter> {
  if (storage === "memory") return createMemoryStorage().openWriter({ writer: "1" });
  return openRedisWriter({
    connection: await openConnection({ port: Number(storage) }),
    keyPrefix: PREFIX,
    pid: Deno.pid,
    host: "bench",
    ttlMs: 300_000,
  });
}
