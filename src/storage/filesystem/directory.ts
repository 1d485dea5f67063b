/**
 * The directory of the metric files: made safely, refused when somebody else could meddle with it.
 *
 * @module
 */
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { StorageError } from "../../core/errors.ts";
import { errorCode, errorText, isOutOfSpace, removeQuietly } from "./file_errors.ts";
import { temporaryName, writerFileName } from "./file_format.ts";

/** There, every file has mode 0666: access lists decide. */
const WINDOWS = process.platform === "win32";

/** Looks like a writer file in the making, so that a left-over one is removed like those. */
const PROBE_NAME = writerFileName("probe");

/** What the metric files of a directory take up. */
export interface DirectoryStats {
  /** Number of `.db` files. */
  readonly files: number;
  /** Their sizes together, in bytes. */
  readonly bytes: number;
}

/** The error for a directory that must not or cannot be used. */
export function directoryError(
  directory: string,
  state: string,
  expected: string,
  cause?: unknown,
): StorageError {
  return new StorageError(
    `Cannot use directory ${JSON.stringify(directory)}: ${state}, expected ${expected}; ` +
      "choose another with --dir, the option `directory` or PROMETHEUS_MULTIPROC_DIR",
    directory,
    cause === undefined ? undefined : { cause },
  );
}

/**
 * Makes the directory when it is missing, for its owner alone (mode 0700), and checks it.
 *
 * Whoever may write there can make the totals lie, and the default is in a directory that all users
 * of a machine share. So it has to belong to the user of this process, and must not be open to all.
 *
 * @throws {StorageError} When it cannot be made or written to, is no directory, or is not safe.
 * @throws {Error} As of `node:fs`, when the disk is full or read-only.
 */
export function prepareDirectory(directory: string): void {
  try {
    makeDirectory(directory);
  } catch (error) {
    // Something is there, though it may not be looked at: what is wrong with that is said below.
    if (errorCode(error) !== "EEXIST" && !exists(directory)) {
      if (isOutOfSpace(error)) throw error;
      throw directoryError(directory, errorText(error), "a directory that can be made", error);
    }
  }
  checkDirectory(directory);
}

/** What leads to the directory is made only where it is missing: on Deno it takes a permission. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    mkdirSync(dirname(directory), { recursive: true });
    mkdirSync(directory, { mode: 0o700 });
  }
}

function checkDirectory(directory: string): void {
  const link = lstatSync(directory);
  let target = link;
  try {
    target = statSync(directory);
  } catch (error) {
    throw directoryError(directory, errorText(error), "a directory", error);
  }
  if (!target.isDirectory()) {
    throw directoryError(directory, "it is not a directory", "a directory");
  }
  if ((target.mode & 0o002) !== 0 && !WINDOWS) {
    const mode = (target.mode & 0o7777).toString(8).padStart(4, "0");
    throw directoryError(directory, `everybody may write there (mode ${mode})`, "mode 0700");
  }
  const uid = ownUid(directory, target.uid);
  if (target.uid !== uid) {
    throw directoryError(directory, `owned by uid ${target.uid}`, `uid ${uid}`);
  }
  if (link.isSymbolicLink() && link.uid !== uid && link.uid !== 0) {
    throw directoryError(directory, `a symbolic link of uid ${link.uid}`, `one of uid ${uid}`);
  }
}

/**
 * The user that files are made as, from a file: asking the system takes a permission on Deno that
 * nothing else needs, and a directory that cannot be written to is found out as well.
 */
function ownUid(directory: string, owner: number): number {
  const probe = join(directory, temporaryName(PROBE_NAME));
  try {
    closeSync(openSync(probe, "wx", 0o600));
    return lstatSync(probe).uid;
  } catch (error) {
    if (isOutOfSpace(error)) throw error;
    const state = `${errorCode(error) ?? errorText(error)}, owned by uid ${owner}`;
    throw directoryError(
      directory,
      state,
      "a directory of this user that can be written to",
      error,
    );
  } finally {
    removeQuietly(probe);
  }
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false; // whatever the reason, making it is what is reported
  }
}

/**
 * Counts the metric files of a directory, for self-metrics. Permission: read for the directory.
 *
 * @returns Zeros when the directory is missing or cannot be read.
 */
export function directoryStats(directory: string): DirectoryStats {
  let files = 0;
  let bytes = 0;
  for (const name of listQuietly(directory)) {
    if (!name.endsWith(".db")) continue;
    try {
      bytes += lstatSync(join(directory, name)).size;
      files++;
    } catch {
      // Removed since the directory was listed.
    }
  }
  return { files, bytes };
}

function listQuietly(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // the reader reports a directory that cannot be read; here it has no files
  }
}
