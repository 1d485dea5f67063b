/**
 * The lock under which writers are retired: one process at a time folds or removes their files.
 *
 * @module
 */
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { StorageError } from "../../core/errors.ts";
import type { FileLock, FilePrimitives } from "./primitives.ts";

/** The file that is locked. Never unlinked; it says since when writers have been dead. */
export const RETIRE_FILE = "retire.lock";

/** Others hold the lock for as long as a fold takes. */
const DEADLINE_MS = 10_000;
const POLL_MS = 10;

/**
 * Waits for the lock.
 *
 * @throws {StorageError} When the runtime has no locks, or somebody else keeps this one.
 * @throws {Error} As of `node:fs`, when the directory cannot be written to.
 */
export async function lockRetiring(
  directory: string,
  { locks }: FilePrimitives,
): Promise<FileLock> {
  if (locks === undefined) {
    throw retireError(directory, "this runtime cannot lock files", "one that can");
  }
  const path = makeRetireFile(directory);
  for (const end = performance.now() + DEADLINE_MS;;) {
    const lock = locks.lock(path);
    if (lock !== undefined) return lock;
    if (performance.now() > end) {
      throw retireError(directory, "another process is doing so", "one that ends");
    }
    await setTimeout(POLL_MS);
  }
}

/**
 * The lock for somebody who retires beside others; `undefined` when one of them has it.
 *
 * @throws {StorageError} When the runtime has no locks.
 * @throws {Error} As of `node:fs`, when the directory cannot be written to.
 */
export function lockRetiringAtOnce(
  directory: string,
  { locks }: FilePrimitives,
): FileLock | undefined {
  if (locks === undefined) {
    throw retireError(directory, "this runtime cannot lock files", "one that can");
  }
  return locks.lock(makeRetireFile(directory));
}

function makeRetireFile(directory: string): string {
  const path = join(directory, RETIRE_FILE);
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  closeSync(openSync(path, flags, 0o644));
  return path;
}

/** The lock for a reader that only wants quiet; `undefined` when it cannot be had right now. */
export function tryLockRetiring(
  directory: string,
  { locks }: FilePrimitives,
): FileLock | undefined {
  try {
    return locks?.lock(join(directory, RETIRE_FILE));
  } catch {
    return undefined; // not there yet, or not ours to write to: the reader goes on without
  }
}

function retireError(directory: string, state: string, expected: string): StorageError {
  return new StorageError(
    `Cannot retire writers of ${JSON.stringify(directory)}: ${state}, expected ${expected}`,
    directory,
  );
}
