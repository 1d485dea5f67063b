/**
 * What runs in a worker thread around the application. The thread is a Web Worker of a thread host.
 *
 * @module
 */
import { describeLoadFailure, describeMissingHandler } from "./boot_failure.ts";
import type { FromThread, ToThread } from "./thread_protocol.ts";
import { nameConsole } from "./thread_console.ts";
import { startWorkerApp, type WorkerApp } from "./worker_app.ts";
import { workerStorage } from "../service/service_worker.ts";
import { createChannelLog } from "../service/worker_channel.ts";
import { isProtocolMessage } from "../service/worker_protocol.ts";
import type { WorkerStart } from "./worker_protocol.ts";

/** What TypeScript's types of a window lack. */
interface ThreadScope {
  name: string;
  close: () => void;
  postMessage(message: FromThread): void;
}

/** After how long without a server the log says so, in milliseconds. */
const NO_SERVER_MS = 2000;

/**
 * The longest that a drain waits for clients: which connections are this thread's cannot be told
 * from those of its whole process.
 */
const LONGEST_LINGER_MS = 1000;

const scope = globalThis as unknown as ThreadScope;
const told = Promise.withResolvers<WorkerStart>();
let worker: WorkerApp | undefined = undefined;

function send(message: FromThread): Promise<void> {
  scope.postMessage(message);
  return Promise.resolve();
}

addEventListener("message", (event) => {
  const { data } = event as MessageEvent<unknown>;
  // What the application's own code sends itself is none of ours.
  if (!isProtocolMessage(data)) return;
  const message = data as ToThread;
  switch (message["@gpe/cli"]) {
    case "start":
      return told.resolve(message.start);
    case "stop":
      return worker === undefined ? Deno.exit(0) : worker.stop();
    case "drain":
      return worker === undefined ? Deno.exit(0) : worker.drain();
    case "reopen":
      return worker?.reopenLogs();
    case "exit":
      return Deno.exit(1);
  }
});
// The end of a thread is no event in its host, but for one by an error.
addEventListener("unload", () => void send({ "@gpe/cli": "ended", code: Deno.exitCode }));
// It comes without `unload`.
scope.close = () => Deno.exit();

const start = await told.promise;
nameConsole(start.workerId);
const channel = { send, log: createChannelLog(send) };
worker = startWorkerApp({
  start,
  channel,
  storage: await workerStorage(start, channel),
  longestLingerMs: LONGEST_LINGER_MS,
});
await load(worker);

async function load(worker: WorkerApp): Promise<void> {
  const { app } = start;
  try {
    worker.serveDefaultExport(await import(app));
  } catch (error) {
    return await worker.fail(describeLoadFailure(app, error));
  }
  // That nothing is left to do cannot be seen here: a thread waits for messages all the time.
  const timer = setTimeout(() => {
    if (worker.serving) return;
    channel.log.warn(`${describeMissingHandler(app).message}; waiting for it`);
  }, NO_SERVER_MS);
  Deno.unrefTimer(timer);
}
