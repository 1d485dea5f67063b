/**
 * One life of a worker: from its start to its end, through explicit states.
 *
 * ```text
 * starting ──> running ──> quitting ──> aborting ──> dead
 * ```
 * Any state may be followed by `dead`; `quitting` follows `starting` too.
 *
 * @module
 */
import type { BootFailure, Clock, SpawnWorker, WorkerExit } from "./primitives.ts";

/** The state of a worker; Gunicorn's exporter names them so. */
export type WorkerState = "starting" | "running" | "quitting" | "aborting" | "dead";

/** Every state, in the order a worker passes them. */
export const WORKER_STATES: readonly WorkerState[] = [
  "starting",
  "running",
  "quitting",
  "aborting",
  "dead",
];

/** Why a worker ended: on its own (`exit`, `signal`, `boot`), or asked by the master (`stop`). */
export type EndReason = "exit" | "signal" | "boot" | "stop";

/** How a worker ended: by itself in order, only when killed, or unasked. */
export type EndType = "graceful" | "forced" | "crash";

/** Everything about a worker's end. */
export interface WorkerEnd {
  /** Why. */
  readonly reason: EndReason;
  /** How. */
  readonly type: EndType;
  /** Whether it had been running before. */
  readonly booted: boolean;
  /** What the worker said about a failed start. */
  readonly failure: BootFailure | undefined;
  /** Exit code or signal. */
  readonly exit: WorkerExit;
}

/** A worker from its start to its end. */
export interface WorkerLife {
  /** The process id, where there is one. */
  readonly pid: number | undefined;
  /** Where it is now. */
  readonly state: WorkerState;
  /** Resolves when it is dead; never rejects. */
  readonly ended: Promise<WorkerEnd>;
  /** Asks it to end and kills it when it takes too long. Only the first reason given counts. */
  terminate(reason: EndReason): void;
  /** Kills it now; the reason counts when it is the first. */
  abort(reason: EndReason): void;
}

/** What a life is started with. */
export interface LifeOptions {
  /** The slot, passed on to `spawn`. */
  readonly slot: number;
  /** Starts the worker. */
  readonly spawn: SpawnWorker;
  /** Measures the grace. */
  readonly clock: Clock;
  /** How long an asked worker may take to end, in milliseconds. */
  readonly gracefulTimeoutMs: number;
  /** Called at each change, also for the first state. */
  readonly onState: (state: WorkerState) => void;
}

/** Starts a worker and follows it to its end. */
export function startLife(options: LifeOptions): WorkerLife {
  const { slot, spawn, clock, gracefulTimeoutMs, onState } = options;
  // A second abort() changes nothing: the first reason wins.
  const termination = new AbortController();
  let state: WorkerState = "starting";
  let booted = false;
  let killed = false;
  let failure: BootFailure | undefined;
  let cancelKill: (() => void) | undefined;

  function enter(next: WorkerState): void {
    state = next;
    onState(next);
  }

  enter("starting");
  const handle = spawn(slot, {
    running() {
      if (state !== "starting") return;
      booted = true;
      enter("running");
    },
    failed(reported) {
      failure ??= reported;
    },
  });

  function kill(): void {
    if (state === "dead" || killed) return;
    killed = true;
    enter("aborting");
    handle.kill();
  }

  termination.signal.addEventListener("abort", () => {
    enter("quitting");
    cancelKill = clock.schedule(kill, gracefulTimeoutMs);
    handle.stop();
  }, { once: true });

  const ended = handle.ended.then((exit): WorkerEnd => {
    cancelKill?.();
    enter("dead");
    const asked = termination.signal.aborted;
    return {
      reason: asked ? termination.signal.reason as EndReason : ownReason(booted, exit),
      type: asked ? (killed ? "forced" : "graceful") : exit.code === 0 ? "graceful" : "crash",
      booted,
      failure,
      exit,
    };
  });

  return {
    pid: handle.pid,
    ended,
    get state() {
      return state;
    },
    terminate(reason) {
      if (state !== "dead") termination.abort(reason);
    },
    abort(reason) {
      if (state === "dead") return;
      termination.abort(reason);
      kill();
    },
  };
}

function ownReason(booted: boolean, exit: WorkerExit): EndReason {
  if (!booted) return "boot";
  return exit.signal === null ? "exit" : "signal";
}
