/**
 * A master's claim on a directory: one master at a time, and what the run before left is removed
 * only when nobody can still be using it.
 *
 * @module
 */
import { readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../core/log.ts";
import { SILENT_LOG } from "../../core/log.ts";
import type { ReadProblem } from "../../core/storage.ts";
import { directoryError, prepareDirectory } from "./directory.ts";
import { errorText, removeQuietly } from "./file_errors.ts";
import {
  parseMetricFileName,
  parseTemporaryName,
  parseWriterFileName,
  writerFileName,
} from "./file_format.ts";
import { readIncarnation } from "./file_header.ts";
import { type WriterState, WriterWatch } from "./liveness.ts";
import type { FileLocks, FilePrimitives } from "./primitives.ts";
import {
  endFormerWorkers,
  lockMasterFile,
  type MasterFile,
  retryWhileLocksGo,
} from "./master_file.ts";
import { lockRetiring } from "./retire_lock.ts";
import { RETIRED_WRITER } from "./writer_file.ts";

/** How {@linkcode claimDirectory} goes about. */
export interface ClaimDirectoryOptions {
  /** The directory of the metric files; made when it is missing. */
  readonly directory: string;
  /** What the runtime brings. */
  readonly primitives: FilePrimitives;
  /** Whether our files of the run before are removed or kept. Python's are kept always. */
  readonly mode: "clean" | "keep";
  /** Told what is removed. @default {SILENT_LOG} */
  readonly log?: Log;
  /**
   * Ends a process at once. With it, workers that a former master left running are waited for, and
   * ended when that takes too long; without it they are writers that live, like any other.
   */
  readonly kill?: (pid: number) => void;
}

/** A directory held by this master, until it is disposed of or the process ends. */
export interface DirectoryClaim extends AsyncDisposable {
  /** The directory of the metric files. */
  readonly directory: string;
  /** Notes which workers this master runs, so that the next one can wait for their end. */
  recordWorkers(pids: readonly number[]): void;
}

/**
 * Makes this process the master of a directory, which is made when it is missing.
 *
 * Permissions: read and write for the directory.
 *
 * @throws {StorageError} When the directory cannot be used, another master has it, or writers of it
 * live or might live. Nothing is removed then.
 */
export async function claimDirectory(options: ClaimDirectoryOptions): Promise<DirectoryClaim> {
  const { directory, primitives, mode, log = SILENT_LOG, kill } = options;
  let lock: MasterFile;
  try {
    prepareDirectory(directory);
    lock = await lockMasterFile(directory, primitives);
  } catch (error) {
    if (error instanceof Error && error.name === "StorageError") throw error;
    throw directoryError(directory, errorText(error), "a directory that can be written to", error);
  }
  try {
    if (kill !== undefined) {
      await endFormerWorkers(lock.formerWorkers, primitives.identity, kill, log);
    }
    await retryWhileLocksGo(() => ownFiles(directory, primitives));
    if (mode === "clean") await removeOwnFiles(directory, primitives, log);
  } catch (error) {
    lock.release();
    throw error;
  }
  return {
    directory,
    recordWorkers: (pids) => lock.record(pids),
    [Symbol.asyncDispose](): Promise<void> {
      lock.release();
      return Promise.resolve();
    },
  };
}

/** Our files in the directory. @throws {StorageError} when a writer of them is not known to be dead */
function ownFiles(directory: string, primitives: FilePrimitives): { db: string[]; ids: string[] } {
  const names = readdirSync(directory);
  const problems: ReadProblem[] = [];
  const writers = new WriterWatch(directory, primitives).look(names, problems);
  const busy = new Set(problems.map(({ source }) => parseWriterFileName(source) ?? source));
  for (const [id, { liveness }] of writers) if (liveness !== "dead") busy.add(id);
  const db: string[] = [];
  for (const name of names) {
    const id = parseMetricFileName(name)?.writer;
    if (id === undefined) continue;
    const incarnation = readIncarnation(join(directory, name));
    if (incarnation === 0) continue; // Python's, or none of ours: not for us to remove
    db.push(name);
    if (id === RETIRED_WRITER) continue;
    if (!isDeadFile(writers.get(id), incarnation)) busy.add(id);
  }
  if (busy.size > 0) {
    const list = [...busy].map((id) => JSON.stringify(id)).join(", ");
    throw directoryError(
      directory,
      `it is in use by ${busy.size === 1 ? "writer" : "writers"} ${list}`,
      "no writer that lives or might live",
    );
  }
  return { db, ids: [...writers.keys()] };
}

function isDeadFile(state: WriterState | undefined, incarnation: number): boolean {
  return state?.liveness === "dead" && state.record.incarnation === incarnation;
}

/**
 * Removes all files of ours, while nobody folds them. Only who has the directory may call this.
 *
 * @returns How many metric files there were.
 * @throws {StorageError} When writers live or might live. Nothing is removed then.
 */
export async function removeOwnFiles(
  directory: string,
  primitives: FilePrimitives,
  log: Log,
): Promise<number> {
  const retiring = await lockRetiring(directory, primitives);
  try {
    const temporary = readdirSync(directory).filter((name) => parseTemporaryName(name));
    const files = ownFiles(directory, primitives);
    removeFiles(directory, files, temporary, primitives.locks, log);
    return files.db.length;
  } finally {
    retiring.release();
  }
}

/** Metric files go first and writer files last: an id is taken as long as there is any file of it. */
function removeFiles(
  directory: string,
  { db, ids }: { db: string[]; ids: string[] },
  temporary: string[],
  locks: FileLocks | undefined,
  log: Log,
): void {
  for (const name of db) unlinkSync(join(directory, name));
  for (const id of ids) unlinkSync(join(directory, writerFileName(id)));
  for (const name of temporary) {
    const path = join(directory, name);
    if (!isLockedStill(path, locks)) removeQuietly(path);
  }
  if (db.length > 0) {
    log.info("Removed the metric files of the run before", { directory, files: db.length });
  }
}

/** Whether a temporary file is a writer file that is about to get its name. */
function isLockedStill(path: string, locks: FileLocks | undefined): boolean {
  try {
    // Whoever has no lock to show makes another one.
    return locks?.isLocked(path) ?? false;
  } catch {
    return true; // gone, or not ours to open: either way nothing to remove
  }
}
