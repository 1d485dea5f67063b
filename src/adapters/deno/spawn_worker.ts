/**
 * Starts worker processes of Deno, connected with the master by an IPC channel.
 *
 * `node:child_process` because `Deno.Command` has no such channel. The channel needs no
 * permission in the worker, and its end tells the worker that the master is gone, even after
 * SIGKILL.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Log } from "../../core/log.ts";
import type { SpawnWorker, WorkerExit } from "../../master/primitives.ts";
import { workerId } from "../../master/master.ts";
import type { Certificate } from "./certificate.ts";
import { watchHeap } from "./heap_watch.ts";
import { createLineRelay } from "./line_relay.ts";
import { watchOomKills } from "./oom_kills.ts";
import { sendSignal } from "./send_signal.ts";
import { dressOutput } from "./worker_output.ts";
import {
  DRAIN_SIGNAL,
  type FromWorker,
  isProtocolMessage,
  REOPEN_SIGNAL,
  type ToWorker,
  type WorkerStart,
} from "./worker_protocol.ts";

/** How long the rest of a dead worker's output may take, in milliseconds. */
const OUTPUT_MS = 1000;
/**
 * The same of its messages: they are in the channel already. Shorter, because Deno 2.9 does not
 * always say that the channel of a worker which was killed early has ended.
 */
const MESSAGES_MS = 100;

/** What worker processes are started with. */
export interface SpawnWorkerOptions {
  /** The flags of `deno run`, permissions included. */
  readonly flags: readonly string[];
  /** What each worker is told, but for what is its own. */
  readonly start: Omit<WorkerStart, "workerId" | "maxRequests" | "masterPid" | "certificate">;
  /** After how many requests a worker is replaced; 0: never. */
  readonly maxRequests: number;
  /** The most by which chance raises that number, so that not all are replaced at once. */
  readonly maxRequestsJitter: number;
  /** The workers' whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Gives each new worker the certificate of its server. */
  readonly certificate: (() => Certificate) | undefined;
  /** Where workers' log lines go. */
  readonly log: Log;
  /** How lines that workers print are passed on. */
  readonly logFormat: "text" | "json";
}

/**
 * Makes the function that starts workers. The worker's own module is preloaded, so that the
 * application stays the main module: its `deno.json`, `package.json` and lock file are found as
 * with `deno run`.
 */
export function createSpawnWorker(options: SpawnWorkerOptions): SpawnWorker {
  const { flags, start, env, certificate, maxRequests, maxRequestsJitter, log, logFormat } =
    options;
  const preload = import.meta.resolve("./worker_main.ts");
  const args = ["run", ...flags, `--preload=${preload}`, start.app];
  const stdout = createLineRelay(Deno.stdout);
  const stderr = createLineRelay(Deno.stderr);
  const oomKills = watchOomKills();
  const chosenRequests = (): number =>
    maxRequests === 0 ? 0 : maxRequests + Math.floor(Math.random() * (maxRequestsJitter + 1));

  return (slot, events) => {
    const child = spawn(Deno.execPath(), args, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    const heap = watchHeap(child.stderr!);
    const dress = (stream: "stdout" | "stderr") => dressOutput(logFormat, workerId(slot), stream);
    const output = Promise.all([
      stdout.follow(child.stdout!, dress("stdout")),
      stderr.follow(heap.stream, dress("stderr")),
    ]).catch((error) => log.warn(`Cannot read output of ${workerId(slot)}: ${error}`));

    child.on("message", (message: unknown) => {
      // Whatever it says, its event loop turns; a busy channel may keep its beats back.
      events.beat();
      if (!isProtocolMessage(message)) return;
      const known = message as FromWorker;
      switch (known["@gpe/cli"]) {
        case "beat":
          return;
        case "running":
          return events.running();
        case "worn":
          return events.worn();
        case "failed":
          return events.failed(known.failure);
        case "log":
          return log[known.level](`${workerId(slot)}: ${known.message}`, known.fields);
      }
    });
    tell(child, {
      "@gpe/cli": "start",
      start: {
        ...start,
        workerId: workerId(slot),
        maxRequests: chosenRequests(),
        masterPid: Deno.pid,
        ...certificate && { certificate: certificate() },
      },
    });
    const end = ended(child, output, (message) => events.failed({ message, permanent: false }));
    let killed = false;
    return {
      pid: child.pid,
      ended: end.then((exit): WorkerExit => {
        const outOfMemory = exit.signal === "SIGKILL"
          ? !killed && oomKills.claim()
          : exit.signal !== null && heap.isExhausted();
        return { ...exit, outOfMemory };
      }),
      stop: (kind) => signalChild(child, kind === "stop" ? "SIGTERM" : DRAIN_SIGNAL),
      kill() {
        killed = true;
        signalChild(child, "SIGKILL");
      },
      reopenLogs: () => signalChild(child, REOPEN_SIGNAL),
    };
  };
}

/** The end of the process and of everything it said. */
async function ended(
  child: ChildProcess,
  output: Promise<unknown>,
  onError: (message: string) => void,
): Promise<WorkerExit> {
  const disconnected = new Promise<void>((resolve) => child.once("disconnect", resolve));
  const exit = await new Promise<WorkerExit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", (error) => {
      onError(`Cannot start a worker process: ${error.message}`);
      if (child.pid === undefined) resolve({ code: 127, signal: null });
    });
  });
  // Messages and output may arrive after the news of the end. The time is limited because a
  // process that the application started may hold the pipes open.
  await Promise.all([settleWithin(output, OUTPUT_MS), settleWithin(disconnected, MESSAGES_MS)]);
  return exit;
}

/** Settles when the promise does, but not later than after a while. */
async function settleWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}

/** `child.kill()` of Deno 2.9 sends one signal at most: no SIGKILL after SIGTERM. */
function signalChild(child: ChildProcess, signal: Deno.Signal): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  sendSignal(child.pid, signal);
}

function tell(child: ChildProcess, message: ToWorker): void {
  // A worker that died before it could listen is noticed by its end.
  child.send(message, () => {});
}
