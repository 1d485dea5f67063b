/**
 * Starts processes of Deno that are connected with the master by an IPC channel.
 *
 * `node:child_process` because `Deno.Command` has no such channel. The channel needs no
 * permission in the process, and its end tells it that the master is gone, even after SIGKILL.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Log } from "../../core/log.ts";
import type { WorkerExit } from "../../master/primitives.ts";
import { watchHeap } from "./heap_watch.ts";
import { createLineRelay } from "./line_relay.ts";
import { watchOomKills } from "./oom_kills.ts";
import { sendSignal } from "./send_signal.ts";
import { dressOutput } from "./worker_output.ts";

/** How long the rest of a dead process's output may take, in milliseconds. */
const OUTPUT_MS = 1000;
/**
 * The same of its messages: they are in the channel already. Shorter, because Deno 2.9 does not
 * always say that the channel of a process which was killed early has ended.
 */
const MESSAGES_MS = 100;

/** What processes are started with. */
export interface WorkerProcessOptions {
  /** The flags of `deno run`, permissions included. */
  readonly flags: readonly string[];
  /** URL of the module that runs first. */
  readonly preload: string;
  /** URL of the application. */
  readonly app: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Told when output cannot be read. */
  readonly log: Log;
  /** How lines that they print are passed on. */
  readonly logFormat: "text" | "json";
}

/** What is heard of a process. */
export interface ProcessEvents {
  /** It sent a message, be it the application's. */
  message(message: unknown): void;
  /** It could not be started. */
  failed(message: string): void;
}

/** A started process. */
export interface WorkerProcess {
  /** The process id; `undefined` when it could not be started. */
  readonly pid: number | undefined;
  /** Resolves when it has ended and everything it said was heard; never rejects. */
  readonly ended: Promise<WorkerExit>;
  /** Sends a message; whether it died before is noticed by its end. */
  send(message: object): void;
  /** Sends a signal. */
  signal(signal: Deno.Signal): void;
  /** Ends it at once. */
  kill(): void;
}

/** Starts a process; lines that it prints get the name. */
export type StartProcess = (name: string, events: ProcessEvents) => WorkerProcess;

/**
 * Makes the function that starts processes. The first module is preloaded, so that the application
 * stays the main module: its `deno.json`, `package.json` and lock file are found as with
 * `deno run`.
 */
export function createStartProcess(options: WorkerProcessOptions): StartProcess {
  const { flags, preload, app, env, log, logFormat } = options;
  const args = ["run", ...flags, `--preload=${preload}`, app];
  const stdout = createLineRelay(Deno.stdout);
  const stderr = createLineRelay(Deno.stderr);
  const oomKills = watchOomKills();

  return (name, events) => {
    const child = spawn(Deno.execPath(), args, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    const heap = watchHeap(child.stderr!);
    const dress = (stream: "stdout" | "stderr") => dressOutput(logFormat, name, stream);
    const output = Promise.all([
      stdout.follow(child.stdout!, dress("stdout")),
      stderr.follow(heap.stream, dress("stderr")),
    ]).catch((error) => log.warn(`Cannot read output of ${name}: ${error}`));
    child.on("message", events.message);
    let killed = false;
    return {
      pid: child.pid,
      ended: ended(child, output, events.failed).then((exit): WorkerExit => {
        const outOfMemory = exit.signal === "SIGKILL"
          ? !killed && oomKills.claim()
          : exit.signal !== null && heap.isExhausted();
        return { ...exit, outOfMemory };
      }),
      send: (message) => void child.send(message, () => {}),
      signal: (signal) => signalChild(child, signal),
      kill() {
        killed = true;
        signalChild(child, "SIGKILL");
      },
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
