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
import { watchHeap } from "../service/heap_watch.ts";
import { createLineRelay } from "../service/line_relay.ts";
import { watchOomKills } from "../service/oom_kills.ts";
import { processEnded } from "../service/process_end.ts";
import { sendSignal } from "../service/send_signal.ts";
import { dressOutput } from "./worker_output.ts";

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
  /** Whether they hold threads, which mark their lines. @default {false} */
  readonly isHost?: boolean;
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
  signal(signal: NodeJS.Signals): void;
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
  const { flags, preload, app, env, log, logFormat, isHost = false } = options;
  const args = ["run", ...flags, `--preload=${preload}`, app];
  const stdout = createLineRelay(Deno.stdout);
  const stderr = createLineRelay(Deno.stderr);
  const oomKills = watchOomKills();

  return (name, events) => {
    const child = spawn(Deno.execPath(), args, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    const heap = watchHeap(child.stderr!);
    const dress = (stream: "stdout" | "stderr") => dressOutput(logFormat, name, stream, isHost);
    const output = Promise.all([
      stdout.follow(child.stdout!, dress("stdout")),
      stderr.follow(heap.stream, dress("stderr")),
    ]).catch((error) => log.warn(`Cannot read output of ${name}: ${error}`));
    child.on("message", events.message);
    let killed = false;
    return {
      pid: child.pid,
      ended: processEnded(child, output, events.failed).then((exit): WorkerExit => {
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

/** `child.kill()` of Deno 2.9 sends one signal at most: no SIGKILL after SIGTERM. */
function signalChild(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  sendSignal(child.pid, signal);
}
