/**
 * What runs in the main thread of a thread host: a process that holds worker threads. It starts
 * them, and passes on what they and the master tell each other; the application runs in the
 * threads alone, so this thread always has time.
 *
 * The process is started with this module preloaded and the application as the main module, so
 * that the application's `deno.json` is found; the main module itself is never run, for this one
 * never ends.
 *
 * @module
 */
import process from "node:process";
import { closeDebuggerPort, ignoreSigusr1 } from "./debugger_port.ts";
import { dieWithParent, watchParent } from "./orphan.ts";
import type { FromHost, FromThread, ToHost, ToThread } from "./thread_protocol.ts";
import { ORPHAN_GRACE_MS } from "../service/service_worker.ts";
import { isProtocolMessage } from "../service/worker_protocol.ts";
import type { WorkerStart } from "./worker_protocol.ts";

const threads = new Map<number, Worker>();
let stopping = false;
let diesWithMaster: boolean | undefined;

if (Deno.build.os !== "windows") {
  Deno.addSignalListener("SIGTERM", () => {
    send({ "@gpe/cli": "leaving" });
    stop();
  });
  if (!ignoreSigusr1()) Deno.addSignalListener("SIGUSR1", closeDebuggerPort);
}
// Ctrl-C reaches every process of the terminal; the master alone decides what it means.
Deno.addSignalListener("SIGINT", () => {});

process.on("message", (message: unknown) => {
  if (!isProtocolMessage(message)) return;
  const { thread, message: told } = message as unknown as ToHost;
  if (told["@gpe/cli"] === "start") startThread(thread, told.start);
  tellThread(threads.get(thread), told);
});
process.on("disconnect", masterGone);
await new Promise<never>(() => {});

function startThread(number: number, { workerId, masterPid }: WorkerStart): void {
  if (diesWithMaster === undefined) {
    diesWithMaster = dieWithParent();
    if (!diesWithMaster) watchParent(masterPid);
    if (Deno.ppid !== masterPid) masterGone();
  }
  if (stopping) return sayEnded(number, 0);
  const thread = new Worker(import.meta.resolve("./thread_main.ts"), {
    type: "module",
    name: workerId,
  });
  threads.set(number, thread);
  thread.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    // The application may post messages too.
    if (!isProtocolMessage(data)) return;
    const message = data as FromThread;
    if (message["@gpe/cli"] === "ended") ended(number, message.code);
    else pass(number, message);
  });
  thread.addEventListener("error", (event) => {
    // The runtime has printed it and ended the thread; without this it would end the process too.
    event.preventDefault();
    const failure = { message: `Cannot run ${workerId}: ${event.message}`, permanent: false };
    pass(number, { "@gpe/cli": "failed", failure });
    ended(number, 1);
  });
}

function ended(number: number, code: number): void {
  if (!threads.delete(number)) return;
  sayEnded(number, code);
  if (stopping && threads.size === 0) Deno.exit(0);
}

function sayEnded(number: number, code: number): void {
  pass(number, { "@gpe/cli": "ended", code });
}

function pass(thread: number, message: FromThread): void {
  send({ "@gpe/cli": "thread", thread, message });
}

function send(message: FromHost): void {
  // Where it fails the master is gone, and that ends this process.
  if (process.connected) process.send!(message, () => {});
}

function tellThread(thread: Worker | undefined, message: ToThread): void {
  thread?.postMessage(message);
}

function stop(): void {
  stopping = true;
  for (const thread of threads.values()) tellThread(thread, { "@gpe/cli": "stop" });
  if (threads.size === 0) Deno.exit(0);
}

/** Nobody is left to end this process when a thread takes too long. */
function masterGone(): void {
  setTimeout(() => Deno.exit(1), ORPHAN_GRACE_MS);
  stop();
}
