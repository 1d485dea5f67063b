/**
 * The lock under which writers are retired: one process at a time folds or removes their files.
 *
 * @module
 */
import { StorageError } from "../../core/errors.ts";
import { type Denial, isTaken, prepareOffice, takeOffice, waitForOffice } from "./office.ts";
import type { FileLock, FilePrimitives } from "./primitives.ts";

/** The file that is locked. Never unlinked; it says since when writers have been dead. */
export const RETIRE_FILE = "retire.lock";

/** Others hold the lock for as long as a fold takes. */
const DEADLINE_MS = 10_000;

/**
 * Waits for the lock.
 *
 * @throws {StorageError} When somebody else keeps the lock, or might.
 * @throws {Error} As of `node:fs`, when the directory cannot be written to.
 */
export async function lockRetiring(
  directory: string,
  primitives: FilePrimitives,
): Promise<FileLock> {
  prepareOffice(directory, "retire");
  const result = await waitForOffice(directory, "retire", primitives, DEADLINE_MS);
  if (isTaken(result)) return result;
  throw denialError(directory, result);
}

/**
 * The lock for somebody who retires beside others; `undefined` when one of them has it.
 *
 * @throws {StorageError} When it cannot be known whether whoever has it lives: it may be so for ever.
 * @throws {Error} As of `node:fs`, when the directory cannot be written to.
 */
export function lockRetiringAtOnce(
  directory: string,
  primitives: FilePrimitives,
): FileLock | undefined {
  prepareOffice(directory, "retire");
  const result = takeOffice(directory, "retire", primitives);
  if (isTaken(result)) return result;
  if (result.unknown !== undefined) throw denialError(directory, result);
  return undefined;
}

/** The lock for a reader that only wants quiet; `undefined` when it cannot be had right now. */
export function tryLockRetiring(
  directory: string,
  primitives: FilePrimitives,
): FileLock | undefined {
  try {
    const result = takeOffice(directory, "retire", primitives);
    return isTaken(result) ? result : undefined;
  } catch {
    return undefined; // not there yet, or not ours to write to: the reader goes on without
  }
}

function denialError(directory: string, { pid, unknown }: Denial): StorageError {
  const who = pid === undefined ? "another process" : `the process with pid ${pid}`;
  return unknown === undefined
    ? retireError(directory, `${who} is doing so`, "one that ends")
    : retireError(directory, `${who} might be doing so`, `${unknown} removed when it is gone`);
}

function retireError(directory: string, state: string, expected: string): StorageError {
  return new StorageError(
    `Cannot retire writers of ${JSON.stringify(directory)}: ${state}, expected ${expected}`,
    directory,
  );
}
