/**
 * One place in the pool, with a stable number: a worker is in it, or is about to be. While the
 * worker is being replaced there are two, and those that were replaced may still be draining.
 *
 * @module
 */
import type { Log } from "../core/log.ts";
import { backoffMs } from "./backoff.ts";
import type { Clock, WornReason } from "./primitives.ts";
import type { EndReason, EndType, WorkerEnd, WorkerLife, WorkerState } from "./worker_life.ts";

/** Why a worker is replaced that could go on. */
export type ReplaceReason = "hup" | WornReason;

/** What a slot asks of its master, and tells it. */
export interface SlotOptions {
  /** Number of the slot, from 1. */
  readonly number: number;
  /** Measures the waits. */
  readonly clock: Clock;
  /** Where starts, ends and failures are told. */
  readonly log: Log;
  /** Starts a worker. */
  readonly start: (
    onState: (state: WorkerState) => void,
    onWorn: (reason: WornReason) => void,
  ) => WorkerLife;
  /** The newest worker entered a state; `undefined`: something else about the workers changed. */
  readonly onState: (state: WorkerState | undefined) => void;
  /** A worker ended, for whatever reason. */
  readonly onEnd: () => void;
  /** The last worker of a closed slot has ended. */
  readonly onEmpty: () => void;
  /** A worker is or was replaced, or not needed any more. */
  readonly onRestart: (reason: EndReason, type: EndType) => void;
  /** The slot has no worker and failed to start one. False: there is no use in trying again. */
  readonly onFailedStart: (end: WorkerEnd) => boolean;
}

/** A place in the pool. */
export interface Slot {
  /** Whether there shall be a worker. */
  readonly open: boolean;
  /** Every worker that is not dead yet. */
  readonly lives: ReadonlySet<WorkerLife>;
  /** Starts a worker and keeps one alive from now on. */
  start(): void;
  /**
   * Starts another worker, and ends the present one when that runs.
   *
   * @returns Whether there is a newer worker; false when it failed to start, and the present one
   * goes on.
   */
  replace(reason: ReplaceReason): Promise<boolean>;
  /** Ends the workers for good; a further call may do so faster. */
  close(reason: "ttou" | "stop", graceMs?: number): void;
}

/** The name of a slot's worker in logs and in the label `worker_id`. */
export function workerId(slot: number): string {
  return `worker_${slot}`;
}

/** Makes a slot; nothing starts before {@linkcode Slot.start}. */
export function createSlot(options: SlotOptions): Slot {
  const { number, clock, log, start, onState, onEnd, onEmpty, onRestart, onFailedStart } = options;
  const name = workerId(number);
  const lives = new Set<WorkerLife>();
  let open = false;
  /** Who serves, or shall as soon as it runs. */
  let current: WorkerLife | undefined;
  /** Who comes after. */
  let replacement: {
    readonly life: WorkerLife;
    readonly reason: ReplaceReason;
    readonly done: (replaced: boolean) => void;
    readonly settled: Promise<boolean>;
  } | undefined;
  /** The one whose states are shown. */
  let newest: WorkerLife | undefined;
  let failures = 0;
  let cancelWait: (() => void) | undefined;

  function begin(): WorkerLife {
    // The first state comes before there is a life to compare with.
    let life: WorkerLife | undefined = undefined;
    newest = undefined;
    life = start((state) => {
      onState(newest === life ? state : undefined);
      if (state === "running") isRunning(life!);
    }, (reason) => void wornOut(life!, reason));
    newest = life;
    lives.add(life);
    onState(undefined);
    void follow(life);
    return life;
  }

  async function follow(life: WorkerLife): Promise<void> {
    const end = await life.ended;
    lives.delete(life);
    onEnd();
    ended(life, end);
    if (!open && lives.size === 0) onEmpty();
  }

  function isRunning(life: WorkerLife): void {
    failures = 0;
    log.info(`${name} is running`, { pid: life.pid });
    if (life !== replacement?.life) return;
    const { reason, done } = replacement;
    const old = current;
    replacement = undefined;
    current = life;
    old?.terminate(reason);
    done(true);
  }

  function ended(life: WorkerLife, end: WorkerEnd): void {
    if (life === replacement?.life) return replacementFailed(end);
    if (life !== current || !open) {
      // Of a start that failed meanwhile nobody needs to know any more.
      if (end.reason === "stop" || end.reason === "boot") return;
      if (life === current) current = undefined;
      log.info(`${name} has ended (${end.reason})`, { pid: life.pid, type: end.type });
      if (isPlanned(end.reason)) onRestart(end.reason, end.type);
      return;
    }
    if (end.booted) log.warn(`${name} ${describeEnd(end)}, starting another`, { pid: life.pid });
    if (replacement !== undefined) {
      const { life: next, done } = replacement;
      replacement = undefined;
      current = next;
      onRestart(end.reason, end.type);
      done(true);
    } else if (end.booted) {
      onRestart(end.reason, end.type);
      current = begin();
    } else {
      current = undefined;
      failures++;
      if (!onFailedStart(end)) return;
      wait(() => {
        onRestart(end.reason, end.type);
        current = begin();
      });
    }
  }

  function replacementFailed(end: WorkerEnd): void {
    const { reason, done } = replacement!;
    replacement = undefined;
    if (open && current !== undefined) {
      const why = end.failure?.message ?? `it ${describeEnd(end)}`;
      log.error(`Cannot replace ${name}: ${why}; the one before goes on`);
      newest = current;
      onState(current.state);
      if (reason !== "hup") {
        failures++;
        const worn = current;
        wait(() => void wornOut(worn, reason));
      }
    }
    done(false);
  }

  async function wornOut(life: WorkerLife, reason: WornReason): Promise<void> {
    // Another one may be about to take its place anyway.
    while (replacement !== undefined) await replacement.settled;
    if (life !== current || !open) return;
    const why = reason === "timeout"
      ? "is in a process with a thread that hangs"
      : "has answered its number of requests";
    log.info(`${name} ${why}, starting another`, { pid: life.pid });
    void replace(reason);
  }

  async function replace(reason: ReplaceReason): Promise<boolean> {
    // One that started a moment ago may have loaded what there was before.
    while (replacement !== undefined) await replacement.settled;
    if (!open) return true;
    if (current === undefined) {
      cancelWait?.();
      cancelWait = undefined;
      current = begin();
      return true;
    }
    let done!: (replaced: boolean) => void;
    const settled = new Promise<boolean>((resolve) => done = resolve);
    replacement = { life: begin(), reason, done, settled };
    return await settled;
  }

  function wait(then: () => void): void {
    cancelWait?.();
    cancelWait = clock.schedule(() => {
      cancelWait = undefined;
      then();
    }, backoffMs(failures, clock.random()));
  }

  return {
    get open() {
      return open;
    },
    lives,
    start() {
      open = true;
      failures = 0;
      current = begin();
    },
    replace,
    close(reason, graceMs) {
      open = false;
      cancelWait?.();
      cancelWait = undefined;
      replacement?.done(false);
      replacement = undefined;
      for (const life of lives) life.terminate(reason, graceMs);
    },
  };
}

/** The ends that the master itself brought about while the service went on. */
function isPlanned(reason: EndReason): boolean {
  return reason === "hup" || reason === "max_requests" || reason === "timeout" || reason === "ttou";
}

/** How and, where it is known, why a worker ended, as logs say it. */
export function describeEnd(end: WorkerEnd): string {
  const { code, signal, outOfMemory } = end.exit;
  if (end.reason === "timeout") {
    return end.booted
      ? "timed out and was killed: its event loop did not turn any more"
      : "timed out and was killed";
  }
  const how = signal === null ? `exit code ${code}` : signal;
  return `ended with ${outOfMemory ? `${how}, out of memory` : how}`;
}
