/**
 * The master file `master.lock`: it is locked by the master that has the directory, and says which
 * one that is and which workers it has started. Never unlinked: it is what is locked.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers";
import type { Log } from "../../core/log.ts";
import { directoryError } from "./directory.ts";
import { FORMAT_VERSION } from "./file_format.ts";
import { type Denial, isTaken, officePath, prepareOffice, waitForOffice } from "./office.ts";
import type { FileLock, FilePrimitives } from "./primitives.ts";
import type { ProcessIdentity } from "./process_identity.ts";
import { describeProcess } from "./claim_file.ts";

/** How long workers without a master may take to end by themselves, in milliseconds. */
const END_MS = 4000;
/** How long a killed process may take to be gone, in milliseconds. */
const KILLED_MS = 1000;
/** How often is looked whether they are gone, in milliseconds. */
const LOOK_MS = 20;

/** A process that a pid alone does not name: pids are reused. */
export interface WorkerProcess {
  /** Its pid. */
  readonly pid: number;
  /** When it started, in clock ticks since boot. */
  readonly startTicks: number;
}

/** The master file, locked. */
export interface MasterFile extends FileLock {
  /** The workers that a former master did not see end, as far as they can be told from others. */
  readonly formerWorkers: readonly WorkerProcess[];
  /** Notes which workers run, for a master to come. */
  record(pids: readonly number[]): void;
}

/**
 * Locks the master file, which is made when it is missing.
 *
 * @throws {StorageError} When another master has it, or might.
 */
export async function lockMasterFile(
  directory: string,
  primitives: FilePrimitives,
): Promise<MasterFile> {
  const { identity } = primitives;
  const path = officePath(directory, "master");
  prepareOffice(directory, "master");
  const lock = await waitForOffice(directory, "master", primitives);
  if (!isTaken(lock)) {
    throw directoryError(directory, describeDenial(lock, path), "no other master");
  }
  const formerWorkers = recordedWorkers(path, identity);
  const master = {
    ...describeProcess(identity),
    startTime: Date.now() / 1000,
    formatVersion: FORMAT_VERSION,
  };
  let known = new Map<number, WorkerProcess>();

  function write(workers: readonly WorkerProcess[]): void {
    writeFileSync(path, JSON.stringify({ ...master, workers }) + "\n");
  }
  // They stay noted until somebody has seen to them.
  write(formerWorkers);
  return {
    formerWorkers,
    record(pids) {
      const now = new Map<number, WorkerProcess>();
      for (const pid of pids) {
        const startTicks = known.get(pid)?.startTicks ?? identity.startTicks(pid);
        if (typeof startTicks === "number") now.set(pid, { pid, startTicks });
      }
      const isSame = now.size === known.size && [...now.keys()].every((pid) => known.has(pid));
      known = now;
      if (!isSame || pids.length === 0) write([...now.values()]);
    },
    release: () => lock.release(),
  };
}

/**
 * Waits for workers whose master is gone; those that take too long are killed.
 *
 * @param kill Ends a process at once.
 */
export async function endFormerWorkers(
  workers: readonly WorkerProcess[],
  identity: ProcessIdentity,
  kill: (pid: number) => void,
  log: Log,
): Promise<void> {
  const running = workers.filter((worker) => isRunning(worker, identity));
  if (running.length === 0) return;
  log.info("Waiting for workers of a master that is gone", { workers: running.length });
  const rest = await waitForEnd(running, identity, END_MS);
  for (const { pid } of rest) {
    log.warn("Killing a worker of a master that is gone", { pid });
    kill(pid);
  }
  await waitForEnd(rest, identity, KILLED_MS);
}

/**
 * Calls `check` until it does not throw, for a while. The kernel drops the locks of a process that
 * was killed when the last of its threads has ended: a moment after `/proc` says that it is dead,
 * and a longer one on a busy machine.
 */
export async function retryWhileLocksGo<T>(check: () => T): Promise<T> {
  const end = performance.now() + KILLED_MS;
  for (;;) {
    try {
      return check();
    } catch (error) {
      if (performance.now() >= end) throw error;
    }
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/** @returns those that are left at the end */
async function waitForEnd(
  workers: readonly WorkerProcess[],
  identity: ProcessIdentity,
  limitMs: number,
): Promise<readonly WorkerProcess[]> {
  const end = performance.now() + limitMs;
  for (;;) {
    const left = workers.filter((worker) => isRunning(worker, identity));
    if (left.length === 0 || performance.now() >= end) return left;
    await pause();
  }
}

function isRunning({ pid, startTicks }: WorkerProcess, identity: ProcessIdentity): boolean {
  return identity.startTicks(pid) === startTicks;
}

/** Pids of another boot or pid namespace mean nothing here. */
function recordedWorkers(path: string, identity: ProcessIdentity): WorkerProcess[] {
  const { bootId, pidNamespace, workers } = readRecord(path);
  if (bootId === undefined || bootId !== identity.bootId) return [];
  if (pidNamespace !== identity.pidNamespace || !Array.isArray(workers)) return [];
  return workers.filter(isWorkerProcess);
}

function isWorkerProcess(value: unknown): value is WorkerProcess {
  const { pid, startTicks } = (value ?? {}) as Record<string, unknown>;
  return Number.isSafeInteger(pid) && (pid as number) > 1 && Number.isSafeInteger(startTicks);
}

function describeDenial({ certain, pid, unknown }: Denial, path: string): string {
  // Of masters that lock, the file says which one it is.
  const known = certain ? readRecord(path).pid : pid;
  const who = known === undefined ? "another master" : `the master with pid ${Number(known)}`;
  return unknown === undefined
    ? `${who} has it`
    : `${who} might have it (it cannot be seen from here; if it is gone, remove ${unknown})`;
}

/** What the file says; nothing when it is new, or a master is just writing it. */
function readRecord(path: string): Readonly<Record<string, unknown>> {
  try {
    const record: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof record === "object" && record !== null ? record as Record<string, unknown> : {};
  } catch {
    return {};
  }
}
