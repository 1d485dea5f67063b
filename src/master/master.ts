/**
 * The pre-fork master: keeps one worker alive in each slot, replaces the dead, gives up when no
 * worker can start, and stops all of them together.
 *
 * @module
 */
import type { Log } from "../core/log.ts";
import { backoffMs, bootAttempts } from "./backoff.ts";
import { type Clock, delay, type SpawnWorker, type WorkerExit } from "./primitives.ts";
import {
  type EndReason,
  type EndType,
  startLife,
  type WorkerEnd,
  type WorkerLife,
  type WorkerState,
} from "./worker_life.ts";

/** Is told what happens to the workers; the master's metrics are one. */
export interface MasterObserver {
  /** A slot's worker entered a state. */
  state(slot: number, state: WorkerState): void;
  /** A worker ended, for whatever reason. */
  ended(slot: number): void;
  /** A slot's worker is being replaced, after the last one ended so. */
  restarted(slot: number, reason: EndReason, type: EndType): void;
}

/** What a master is made of. */
export interface MasterOptions {
  /** The number of workers; slots are numbered from 1. */
  readonly workers: number;
  /** How long a stopping worker may take, in milliseconds. */
  readonly gracefulTimeoutMs: number;
  /** Starts a worker. */
  readonly spawn: SpawnWorker;
  /** Time and chance. */
  readonly clock: Clock;
  /** Where starts, ends and failures are told. */
  readonly log: Log;
  /** Is told what happens. */
  readonly observer: MasterObserver;
}

/** The supervisor of a pool of workers. */
export interface Master {
  /** How many workers are running. */
  readonly running: number;
  /**
   * Starts the workers and keeps them alive until the master is stopped or gives up.
   *
   * @returns The exit code: 0 after a stop, 1 when no worker could be started.
   */
  run(): Promise<number>;
  /** Stops all workers gracefully; a second call kills those that are left. */
  stop(): void;
}

/** The name of a slot's worker in logs and in the label `worker_id`. */
export function workerId(slot: number): string {
  return `worker_${slot}`;
}

/** Makes a master; nothing starts before {@linkcode Master.run}. */
export function createMaster(options: MasterOptions): Master {
  const { workers, gracefulTimeoutMs, spawn, clock, log, observer } = options;
  const lives = new Set<WorkerLife>();
  const stopping = new AbortController();
  let everBooted = false;
  let exitCode = 0;
  /** Failed starts in a row, over all slots; a worker that runs sets it back. */
  let failedStarts = 0;
  let lastFailure = "";

  function running(): number {
    let count = 0;
    for (const life of lives) if (life.state === "running") count++;
    return count;
  }

  function start(slot: number): WorkerLife {
    const life = startLife({
      slot,
      spawn,
      clock,
      gracefulTimeoutMs,
      onState(state) {
        observer.state(slot, state);
        if (state !== "running") return;
        everBooted = true;
        failedStarts = 0;
        lastFailure = "";
        log.info(`${workerId(slot)} is running`, { pid: life.pid });
      },
    });
    lives.add(life);
    return life;
  }

  async function keepAlive(slot: number): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const life = start(slot);
      const end = await life.ended;
      lives.delete(life);
      observer.ended(slot);
      if (stopping.signal.aborted) return;
      if (end.booted) {
        failures = 0;
        log.warn(`${workerId(slot)} ended with ${describe(end.exit)}, starting another`, {
          pid: life.pid,
        });
      } else {
        failures++;
        if (!mayTryAgain(slot, end)) return;
        await delay(clock, backoffMs(failures, clock.random()), stopping.signal);
        if (stopping.signal.aborted) return;
      }
      observer.restarted(slot, end.reason, end.type);
    }
  }

  /** Counts a failed start; false when it was the last straw, and then all the rest is stopped. */
  function mayTryAgain(slot: number, end: WorkerEnd): boolean {
    failedStarts++;
    const message = end.failure?.message ??
      `Cannot start ${workerId(slot)}: it ended with ${describe(end.exit)} before it was running`;
    const fields = end.failure?.stack === undefined ? undefined : { stack: end.failure.stack };
    if (end.failure?.permanent && !everBooted) {
      giveUp(message);
    } else if (failedStarts >= bootAttempts(workers) && running() === 0) {
      const told = message === lastFailure ? "" : `, the last one: ${message}`;
      giveUp(`Cannot start any worker: gave up after ${failedStarts} failed tries${told}`);
    } else if (message === lastFailure) {
      log.debug(message, fields);
      return true;
    } else {
      log.error(`${message}; trying again`);
    }
    if (fields !== undefined) log.debug(message, fields);
    lastFailure = message;
    return !stopping.signal.aborted;
  }

  function giveUp(message: string): void {
    log.error(message);
    exitCode = 1;
    stopping.abort();
    for (const life of lives) life.abort("stop");
  }

  function stop(): void {
    if (stopping.signal.aborted) {
      log.info("Killing the workers that are left", { workers: lives.size });
      for (const life of lives) life.abort("stop");
    } else {
      log.info("Stopping the workers", { workers: lives.size, graceMs: gracefulTimeoutMs });
      stopping.abort();
      for (const life of lives) life.terminate("stop");
    }
  }

  return {
    get running() {
      return running();
    },
    async run() {
      await Promise.all(Array.from({ length: workers }, (_, index) => keepAlive(index + 1)));
      return exitCode;
    },
    stop,
  };
}

function describe(exit: WorkerExit): string {
  return exit.signal === null ? `exit code ${exit.code}` : exit.signal;
}
