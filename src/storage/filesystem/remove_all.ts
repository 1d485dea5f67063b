/**
 * Empties a directory of metric files.
 *
 * @module
 */
import { lstatSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../core/log.ts";
import { directoryError } from "./directory.ts";
import { claimDirectory, removeOwnFiles } from "./directory_claim.ts";
import { parseMetricFileName } from "./file_format.ts";
import { readIncarnation } from "./file_header.ts";
import type { FilePrimitives } from "./primitives.ts";
import { isAbandoned } from "./retire_foreign.ts";

/** What {@linkcode removeAll} empties. */
export interface RemoveAllOptions {
  /** The directory of the metric files. */
  readonly directory: string;
  /** What the runtime brings. */
  readonly primitives: FilePrimitives;
  /** Told what is removed. */
  readonly log: Log;
}

/**
 * Removes every metric file, totals and files of Python's client included.
 *
 * Permissions: read and write for the directory; `ffi` on Deno where there are files of Python's.
 *
 * @returns How many files of metrics were removed.
 * @throws {StorageError} When a master has the directory, or a writer lives or might live. Nothing is
 * removed then.
 */
export async function removeAll(options: RemoveAllOptions): Promise<number> {
  const { directory, primitives, log } = options;
  const claim = await claimDirectory({ directory, primitives, mode: "keep" });
  try {
    const foreign = readdirSync(directory).filter((name) => isForeign(directory, name));
    const busy = foreign.filter((name) => !isAbandoned(join(directory, name), primitives));
    if (busy.length > 0) {
      throw directoryError(
        directory,
        `processes have or might have files open: ${busy.join(", ")}`,
        "no writer that lives or might live",
      );
    }
    const own = await removeOwnFiles(directory, primitives, log);
    for (const name of foreign) unlinkSync(join(directory, name));
    return own + foreign.length;
  } finally {
    await claim[Symbol.asyncDispose]();
  }
}

function isForeign(directory: string, name: string): boolean {
  const path = join(directory, name);
  return parseMetricFileName(name) !== undefined && lstatSync(path).isFile() &&
    readIncarnation(path) === 0;
}
