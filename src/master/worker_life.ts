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
import { watchBeats } from "./heartbeat.ts";
import type {
  BootFailure,
  Clock,
  SpawnWorker,
  StopKind,
  WorkerExit,
  WornReason,
} from "./primitives.ts";

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

/**
 * Why a worker ended: on its own (`exit`, `signal`, `oom`, `boot`), because it hung or a thread
 * beside it did (`timeout`), replaced by another (`hup`, `max_requests`), not needed any more
 * (`ttou`), with the service (`stop`).
 */
export type EndReason =
  | "exit"
  | "signal"
  | "oom"
  | "boot"
  | "timeout"
  | "max_requests"
  | "hup"
  | "ttou"
  | "stop";

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
  /**
   * Asks it to end and kills it when it takes too long. Of the reasons only the first counts, of
   * the times the one that ends soonest.
   *
   * @param graceMs How long it may take; default the graceful timeout.
   */
  terminate(reason: EndReason, graceMs?: number): void;
  /** Kills it now; the reason counts when it is the first. */
  abort(reason: EndReason): void;
  /** Asks it to open its log files anew. */
  reopenLogs(): void;
}

/** What a life is started with. */
export interface LifeOptions {
  /** The slot, passed on to `spawn`. */
  readonly slot: number;
  /** Starts the worker. */
  readonly spawn: SpawnWorker;
  /** Measures the grace and the time between beats. */
  readonly clock: Clock;
  /** How long an asked worker may take to end, in milliseconds. */
  readonly gracefulTimeoutMs: number;
  /**
   * How long the worker may take to start, and its event loop to turn, in milliseconds; then it is
   * killed. 0: any time.
   */
  readonly timeoutMs: number;
  /** Called at each change, also for the first state. */
  readonly onState: (state: WorkerState) => void;
  /** Called when the worker wants another in its place. */
  readonly onWorn: (reason: WornReason) => void;
}

/** Starts a worker and follows it to its end. */
export function startLife(options: LifeOptions): WorkerLife {
  const { slot, spawn, clock, gracefulTimeoutMs, timeoutMs, onState, onWorn } = options;
  // A second abort() changes nothing: the first reason wins.
  const termination = new AbortController();
  let state: WorkerState = "starting";
  let booted = false;
  let killed = false;
  let asked: StopKind | undefined;
  let failure: BootFailure | undefined;
  let killAt = Infinity;
  let cancelKill: (() => void) | undefined;

  function enter(next: WorkerState): void {
    state = next;
    onState(next);
  }

  enter("starting");
  const heartbeat = watchBeats(clock, timeoutMs, () => abort("timeout"));
  const handle = spawn(slot, {
    running() {
      if (state !== "starting") return;
      booted = true;
      heartbeat.beat();
      enter("running");
    },
    failed(reported) {
      failure ??= reported;
    },
    beat() {
      // A start that never ends may well have an event loop that turns.
      if (booted) heartbeat.beat();
    },
    worn(reason) {
      if (state === "running") onWorn(reason);
    },
  });
  termination.signal.addEventListener("abort", () => {
    heartbeat.stop();
    enter("quitting");
  }, { once: true });

  function kill(): void {
    if (state === "dead" || killed) return;
    killed = true;
    enter("aborting");
    handle.kill();
  }

  function terminate(reason: EndReason, graceMs = gracefulTimeoutMs): void {
    if (state === "dead") return;
    termination.abort(reason);
    const kind = reason === "stop" ? "stop" : "drain";
    if (asked === undefined || (asked === "drain" && kind === "stop")) {
      asked = kind;
      handle.stop(kind);
    }
    if (clock.now() + graceMs >= killAt) return;
    killAt = clock.now() + graceMs;
    cancelKill?.();
    cancelKill = clock.schedule(kill, graceMs);
  }

  function abort(reason: EndReason): void {
    if (state === "dead") return;
    termination.abort(reason);
    kill();
  }

  const ended = handle.ended.then((exit): WorkerEnd => {
    cancelKill?.();
    heartbeat.stop();
    enter("dead");
    const { aborted, reason } = termination.signal;
    return {
      reason: aborted ? reason as EndReason : ownReason(booted, exit),
      type: aborted ? (killed ? "forced" : "graceful") : exit.code === 0 ? "graceful" : "crash",
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
    terminate,
    abort,
    reopenLogs() {
      if (state !== "dead") handle.reopenLogs();
    },
  };
}

function ownReason(booted: boolean, exit: WorkerExit): EndReason {
  if (exit.outOfMemory) return "oom";
  if (!booted) return "boot";
  return exit.signal === null ? "exit" : "signal";
}
