/**
 * What the instrumentation costs: processor time a request of a bare `Deno.serve`, and of the same
 * server instrumented and captured as a worker's is, without and with an access log. Processor time, because a busy neighbour
 * changes it least; a server at its limit answers so many times fewer requests a second. The load
 * comes from a process of its own over kept connections.
 *
 * `deno run -A bench/worker_overhead.ts bare|instrumented|logged` is the contestant; `deno task bench` the
 * contest.
 */
import process from "node:process";
import { openAccessLog } from "../src/adapters/deno/access_log_file.ts";
import { captureDenoServe } from "../src/adapters/deno/capture_serve.ts";
import { startWorkerInstrumentation } from "../src/adapters/library/instrument.ts";
import { createMemoryStorage } from "../src/core/memory_driver.ts";
import { SILENT_LOG } from "../src/core/log.ts";
import { processStore } from "../src/core/process_store.ts";
import { type Measured, measureWith, type PreparedContest } from "./support/contest.ts";
import { loadFromOutside } from "./support/http_load.ts";

const ROUNDS = 7;
const WARM_UP_MS = 400;
const MEASURED_MS = 800;

type Handler = (request: Request) => Response | Promise<Response>;
const CHUNK = new Uint8Array(1024).fill(120);

/** What is served, with the request that asks for it. */
const CASES: Readonly<Record<string, readonly [method: string, handler: Handler]>> = {
  "hello world": ["GET", () => new Response("Hello, world")],
  "hello world, async with headers": [
    "GET",
    // deno-lint-ignore require-await -- what most handlers look like
    async (_request) => new Response("Hello, world", { headers: { "x-served-by": "bench" } }),
  ],
  "JSON": ["GET", (_request) => Response.json({ id: 1, name: "Ada", tags: ["a", "b"] })],
  "POST": ["POST", async (request) => new Response(await request.text())],
  "stream of 8 KiB": ["GET", () => {
    let chunks = 8;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (chunks-- > 0) controller.enqueue(CHUNK);
          else controller.close();
        },
      }),
    );
  }],
};

if (import.meta.main) {
  console.log(JSON.stringify(await measure(Deno.args[0])));
}

/** Needs nothing but Deno. */
export function prepare(): Promise<PreparedContest> {
  const run = (role: string) => () =>
    measureWith(Deno.execPath(), ["run", "-A", import.meta.url, role]);
  return Promise.resolve({
    contest: {
      title: "A worker's HTTP server, processor time a request",
      unit: "us",
      rounds: ROUNDS,
      contestants: [
        { name: "instrumented", run: run("instrumented") },
        { name: "with access log", run: run("logged") },
        { name: "bare Deno.serve", run: run("bare") },
      ],
      figures: Object.keys(CASES).flatMap((name) => [
        { what: name, ours: ["instrumented", name], other: ["bare Deno.serve", name] },
        {
          what: `${name}, access log`,
          ours: ["with access log", name],
          other: ["instrumented", name],
        },
      ]),
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

/** Serves each case in this process, loaded by another one. */
async function measure(role: string | undefined): Promise<Measured> {
  const instrumentation = role === "bare" ? undefined : startInstrumentation();
  const logFile = role === "logged" ? await Deno.makeTempFile() : undefined;
  const accessLog = logFile === undefined
    ? undefined
    : openAccessLog({ path: logFile, format: "combined" }, "worker_1", SILENT_LOG);
  const results: Record<string, number> = {};
  for (const [name, [method, handler]] of Object.entries(CASES)) {
    const release = instrumentation && captureDenoServe({
      address: { hostname: "127.0.0.1", port: 0 },
      reusePort: false,
      claim: { taken: false },
      accessLog,
      instrumentation,
      onServing: () => {},
      log: SILENT_LOG,
    });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
    const { port } = server.addr;
    await loadFromOutside(port, method, WARM_UP_MS);
    const before = process.cpuUsage();
    const requests = await loadFromOutside(port, method, MEASURED_MS);
    const { user, system } = process.cpuUsage(before);
    results[name] = (user + system) / requests;
    await server.shutdown();
    release?.();
  }
  instrumentation?.stop();
  if (logFile !== undefined) await Deno.remove(logFile);
  return results;
}

function startInstrumentation(): ReturnType<typeof startWorkerInstrumentation> {
  processStore().open(createMemoryStorage().openWriter({ writer: "1" }));
  return startWorkerInstrumentation();
}
