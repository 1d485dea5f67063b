/**
 * The pre-fork master: keeps one worker alive in each slot, replaces the dead, reloads, grows and
 * shrinks, gives up when no worker can start, and stops all of them together.
 *
 * @module
 */
import type { Log } from "../core/log.ts";
import { bootAttempts } from "./backoff.ts";
import type { Clock, SpawnWorker } from "./primitives.ts";
import { createSlot, describeEnd, type Slot, workerId } from "./slot.ts";
import {
  type EndReason,
  type EndType,
  startLife,
  WORKER_STATES,
  type WorkerEnd,
  type WorkerLife,
  type WorkerState,
} from "./worker_life.ts";

export { workerId };

/** How long a worker may take when the service stops quickly, in milliseconds. */
const QUICK_STOP_MS = 2000;

/** Is told what happens to the workers; the master's metrics are one. */
export interface MasterObserver {
  /** A slot is there from now on, or again. */
  opened(slot: number): void;
  /** A slot's newest worker entered a state. */
  state(slot: number, state: WorkerState): void;
  /** How many workers are in each state; a slot without any has a dead one. */
  pool(counts: Readonly<Record<WorkerState, number>>): void;
  /** A worker ended, for whatever reason. */
  ended(slot: number): void;
  /** A slot's worker is being replaced, or not any more needed, after it ended so. */
  restarted(slot: number, reason: EndReason, type: EndType): void;
}

/** What a master is made of. */
export interface MasterOptions {
  /** The number of workers to begin with; slots are numbered from 1. */
  readonly workers: number;
  /** How long a stopping worker may take, in milliseconds. */
  readonly gracefulTimeoutMs: number;
  /** How long a worker may be silent before it is killed, in milliseconds; 0: for ever. */
  readonly timeoutMs: number;
  /** Starts a worker. */
  readonly spawn: SpawnWorker;
  /** Called when a reload begins: workers started from then on share nothing with those before. */
  readonly renew?: () => void;
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
  /** The ids of the processes of all workers that are not dead. */
  readonly pids: readonly number[];
  /**
   * Starts the workers and keeps them alive until the master is stopped or gives up.
   *
   * @returns The exit code: 0 after a stop, 1 when no worker could be started.
   */
  run(): Promise<number>;
  /** Stops all workers within the graceful timeout; a second call kills those that are left. */
  stop(): void;
  /** Stops all workers within two seconds; kills them when they are stopping already. */
  quit(): void;
  /**
   * Replaces the workers one after the other; each goes on until the one in its place runs. Where
   * that does not start, the rest is left as it is. A call during a reload begins another one.
   */
  reload(): Promise<void>;
  /** One worker more. */
  grow(): void;
  /** One worker less, but never none. */
  shrink(): void;
  /** Asks all workers to open their log files anew. */
  reopenLogs(): void;
}

/** Makes a master; nothing starts before {@linkcode Master.run}. */
export function createMaster(options: MasterOptions): Master {
  const { workers, gracefulTimeoutMs, timeoutMs, spawn, clock, log, observer } = options;
  const slots: Slot[] = [];
  let finish!: (exitCode: number) => void;
  const finished = new Promise<number>((resolve) => finish = resolve);
  const stopping = new AbortController();
  let everBooted = false;
  let exitCode = 0;
  /** Failed starts in a row, over all slots; a worker that runs sets it back. */
  let failedStarts = 0;
  let lastFailure = "";
  let reloads = 0;

  const lives = (): WorkerLife[] => slots.flatMap((slot) => [...slot.lives]);
  const openSlots = (): Slot[] => slots.filter((slot) => slot.open);

  function running(): number {
    return lives().filter((life) => life.state === "running").length;
  }

  function makeSlot(number: number): Slot {
    const slot: Slot = createSlot({
      number,
      clock,
      log,
      start: (onState, onWorn) =>
        startLife({
          slot: number,
          spawn,
          clock,
          gracefulTimeoutMs,
          timeoutMs,
          onState,
          onWorn,
        }),
      onState(state) {
        if (state === "running") {
          everBooted = true;
          failedStarts = 0;
          lastFailure = "";
        }
        countPool();
        if (state !== undefined) observer.state(number, state);
      },
      onEnd: () => observer.ended(number),
      onEmpty: finishWhenEmpty,
      onRestart: (reason, type) => observer.restarted(number, reason, type),
      onFailedStart: (end) => mayTryAgain(number, end),
    });
    return slot;
  }

  function countPool(): void {
    const counts = Object.fromEntries(WORKER_STATES.map((state) => [state, 0])) as Record<
      WorkerState,
      number
    >;
    for (const slot of slots) {
      const alive = [...slot.lives].filter((life) => life.state !== "dead");
      for (const life of alive) counts[life.state]++;
      if (slot.open && alive.length === 0) counts.dead++;
    }
    observer.pool(counts);
  }

  /** Counts a failed start; false when it was the last straw, and then all the rest is stopped. */
  function mayTryAgain(slot: number, end: WorkerEnd): boolean {
    failedStarts++;
    const message = end.failure?.message ??
      `Cannot start ${workerId(slot)}: it ${describeEnd(end)} before it was running`;
    const fields = end.failure?.stack === undefined ? undefined : { stack: end.failure.stack };
    if (end.failure?.permanent && !everBooted) {
      giveUp(message);
    } else if (failedStarts >= bootAttempts(openSlots().length) && running() === 0) {
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
    kill();
  }

  function kill(): void {
    for (const slot of slots) slot.close("stop");
    for (const life of lives()) life.abort("stop");
    finishWhenEmpty();
  }

  function finishWhenEmpty(): void {
    if (stopping.signal.aborted && lives().length === 0) finish(exitCode);
  }

  function stop(graceMs: number): void {
    if (stopping.signal.aborted) {
      log.info("Killing the workers that are left", { workers: lives().length });
      return kill();
    }
    log.info("Stopping the workers", { workers: lives().length, graceMs });
    stopping.abort();
    for (const slot of slots) slot.close("stop", graceMs);
    finishWhenEmpty();
  }

  async function reload(): Promise<void> {
    if (stopping.signal.aborted || reloads++ > 0) return;
    let done: number;
    do {
      done = reloads;
      await reloadOnce();
    } while (done !== reloads && !stopping.signal.aborted);
    reloads = 0;
  }

  async function reloadOnce(): Promise<void> {
    const pool = openSlots();
    options.renew?.();
    log.info("Reloading: replacing the workers one after the other", { workers: pool.length });
    for (const slot of pool) {
      const replaced = await slot.replace("hup");
      if (stopping.signal.aborted) return;
      if (replaced || !slot.open) continue;
      return log.error("Ended the reload: the workers that are left are those of before");
    }
    log.info("Reloaded", { workers: pool.length });
  }

  function grow(): void {
    if (stopping.signal.aborted) return;
    let index = slots.findIndex((slot) => !slot.open);
    if (index < 0) index = slots.push(makeSlot(slots.length + 1)) - 1;
    observer.opened(index + 1);
    slots[index]!.start();
  }

  return {
    get running() {
      return running();
    },
    get pids() {
      return [...new Set(lives().flatMap(({ pid }) => pid === undefined ? [] : [pid]))];
    },
    run() {
      for (let slot = 1; slot <= workers; slot++) grow();
      finishWhenEmpty();
      return finished;
    },
    stop: () => stop(gracefulTimeoutMs),
    quit: () => stop(Math.min(QUICK_STOP_MS, gracefulTimeoutMs)),
    reload,
    grow() {
      grow();
      log.info("One worker more", { workers: openSlots().length });
    },
    shrink() {
      const pool = openSlots();
      if (pool.length <= 1 || stopping.signal.aborted) {
        return log.warn("Cannot take a worker away: there is one, expected more");
      }
      pool.at(-1)!.close("ttou");
      countPool();
      log.info("One worker less", { workers: openSlots().length });
    },
    reopenLogs() {
      for (const life of lives()) life.reopenLogs();
    },
  };
}
