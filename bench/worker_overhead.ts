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
import { startWorkerInstrumentation } from "../src/adapters/deno/instrument.ts";
import { createMemoryStorage } from "../src/core/memory_driver.ts";
import { SILENT_LOG } from "../src/core/log.ts";
import { processStore } from "../src/core/process_store.ts";
import { type Measured, measureWith, type PreparedContest } from "./support/contest.ts";

const ROUNDS = 7;
const CONNECTIONS = 16;
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
  const [role, port, name, ms] = Deno.args;
  if (role === "load") {
    console.log(JSON.stringify(await load(Number(port), CASES[name!]![0], Number(ms))));
  } else {
    console.log(JSON.stringify(await measure(role)));
  }
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
  for (const [name, [, handler]] of Object.entries(CASES)) {
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
    await loadFromOutside(port, name, WARM_UP_MS);
    const before = process.cpuUsage();
    const requests = await loadFromOutside(port, name, MEASURED_MS);
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

async function loadFromOutside(port: number, name: string, ms: number): Promise<number> {
  const args = ["run", "-A", import.meta.url, "load", `${port}`, name, `${ms}`];
  const { requests } = await measureWith(Deno.execPath(), args);
  return requests!;
}

/** Asks over kept connections, one request at a time on each. Gives how many were answered. */
async function load(port: number, method: string, ms: number): Promise<Measured> {
  const body = method === "POST" ? "name=value&other=value" : "";
  const length = method === "POST" ? `Content-Length: ${body.length}\r\n` : "";
  const request = new TextEncoder().encode(
    `${method} /items/1 HTTP/1.1\r\nHost: localhost\r\n${length}\r\n${body}`,
  );
  let requests = 0;
  let running = true;
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Deno.connect({ port, hostname: "127.0.0.1" })),
  );
  const size = await responseSize(port, request);
  const asked = connections.map(async (connection) => {
    const buffer = new Uint8Array(64 * 1024);
    while (running) {
      await connection.write(request);
      for (let missing = size; missing > 0;) {
        const read = await connection.read(buffer);
        if (read === null) throw new Error("Cannot load the server: it closed a connection");
        missing -= read;
        if (missing < 0) throw new Error("Cannot load the server: responses differ in length");
      }
      requests++;
    }
  });
  await new Promise((resolve) => setTimeout(resolve, ms));
  running = false;
  await Promise.all(asked);
  for (const connection of connections) connection.close();
  return { requests };
}

/** The length of a whole response, head included: the same each time, as is that of its date. */
async function responseSize(port: number, request: Uint8Array): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const text = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  await connection.write(request);
  let page = "";
  while (!isWhole(page)) {
    const read = await connection.read(buffer);
    if (read === null) throw new Error("Cannot load the server: it closed a connection");
    page += text.decode(buffer.subarray(0, read));
  }
  return page.length;
}

function isWhole(page: string): boolean {
  const end = page.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /^content-length: (\d+)/im.exec(page)?.[1];
  return length === undefined
    ? page.endsWith("\r\n0\r\n\r\n")
    : page.length - end - 4 >= Number(length);
}
