import { denoFilePrimitives } from "../adapters/deno/file_primitives.ts";
import { StorageError } from "../core/errors.ts";
import type { StorageReader } from "../core/storage.ts";
import { openFilesystemReader } from "../storage/filesystem/mod.ts";

/**
 * A reader of a directory that others write. The driver takes a missing directory for an empty one;
 * somebody who named a directory wants to hear that it is not there.
 *
 * @returns A reader whose `read()` rejects with a {@linkcode StorageError} while there is no such
 * directory.
 */
export function openDirectoryReader(directory: string): StorageReader {
  const reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
  return {
    async read() {
      await assertDirectory(directory);
      return await reader.read();
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

/** Checks that there is a directory. @throws {StorageError} When there is none */
export async function assertDirectory(directory: string): Promise<void> {
  let state = "not a directory";
  let cause: unknown;
  try {
    if ((await Deno.stat(directory)).isDirectory) return;
  } catch (error) {
    cause = error;
    state = error instanceof Deno.errors.NotFound ? "no such directory" : String(error);
  }
  throw new StorageError(
    `Cannot read ${JSON.stringify(directory)}: ${state}, expected the directory of the metric ` +
      "files (--dir, PROMETHEUS_MULTIPROC_DIR)",
    directory,
    { cause },
  );
}
