/**
 * Retiring in a directory of metric files.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";
import { errorCode } from "../../storage/filesystem/file_errors.ts";
import { type Retired, retireWriters } from "../../storage/filesystem/mod.ts";
import { denoFilePrimitives } from "./file_primitives.ts";

/** What {@linkcode retireDirectory} looks after. */
export interface RetireDirectoryOptions {
  /** The directory of the metric files; it may be missing for the time being. */
  readonly directory: string;
  /** Whether files of Python's client are retired too. */
  readonly foreign: boolean;
  /** Told what was retired. */
  readonly log: Log;
}

/**
 * Retires the writers of a directory that are dead now.
 *
 * Permissions: read and write for the directory; `ffi` for files of Python's client.
 *
 * @throws {StorageError} When another process keeps the lock.
 * @throws {Error} As of `node:fs`, when the directory cannot be read or written to.
 */
export async function retireDirectory(options: RetireDirectoryOptions): Promise<Retired> {
  try {
    return await retireWriters({ ...options, primitives: denoFilePrimitives });
  } catch (error) {
    // Whoever comes later makes the directory.
    if (errorCode(error) !== "ENOENT") throw error;
    return { folded: 0, files: 0, problems: [] };
  }
}
