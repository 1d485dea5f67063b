/**
 * A directory of metric files.
 *
 * @module
 */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { StorageError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { StorageReader } from "../../core/storage.ts";
import { errorCode, errorText } from "../../storage/filesystem/file_errors.ts";
import {
  claimDirectory,
  directoryStats,
  type FileLayout,
  type FilePrimitives,
  type FilesystemWriter,
  openFilesystemReader,
  openFilesystemWriter,
  retireWriters,
} from "../../storage/filesystem/mod.ts";
import { removeAll } from "../../storage/filesystem/remove_all.ts";
import { takeWorkerNumber, type WorkerNumber } from "../../storage/filesystem/worker_number.ts";
import type { Storage } from "./storage.ts";

/** Which directory, and how it is used. */
export interface DirectoryStorageOptions {
  /** The directory. */
  readonly directory: string;
  /** What the runtime brings. */
  readonly primitives: FilePrimitives;
  /** Where events go. */
  readonly log: Log;
  /** On-disk layout of what is written. @default {"timestamp"} */
  readonly layout?: FileLayout;
  /** Whether files of Python's client are retired too. @default {false} */
  readonly foreign?: boolean;
  /**
   * Whether a directory that is missing is an error to readers: somebody named it, and wants to hear
   * that it is not there. The driver takes it for an empty one. @default {false}
   */
  readonly mustExist?: boolean;
}

/**
 * A directory as a storage.
 *
 * Permissions: read for the directory, and write to do more than read; `ffi` for mapped files, and
 * to retire files of Python's client.
 */
export function directoryStorage(options: DirectoryStorageOptions): Storage {
  const { primitives, log, layout = "timestamp", foreign = false, mustExist = false } = options;
  // Wherever the application goes later.
  const directory = resolve(options.directory);
  const check = async (): Promise<void> => {
    if (mustExist) await assertDirectory(directory);
  };
  let writer: FilesystemWriter | undefined;
  let number: WorkerNumber | undefined;
  return {
    fields: { directory },
    unit: "files",
    place: { kind: "directory", directory, layout },
    needs: { read: [directory], write: [directory], net: [] },
    storesTimestamps: layout === "timestamp",
    about: { sources: ["storage"], directoryStats: () => directoryStats(directory) },
    claim: (claim) => claimDirectory({ ...claim, directory, primitives, log }),
    openWriter: () =>
      writer = openFilesystemWriter({
        directory,
        layout,
        primitives,
        onProblem: ({ source, message }) => log.error(message, { source }),
      }),
    workerNumber() {
      if (writer === undefined) return undefined;
      try {
        return number ??= takeWorkerNumber(directory, writer.writer, primitives);
      } catch (error) {
        log.warn("Cannot number the writer", { error: errorText(error) });
        return undefined;
      }
    },
    openReader(): StorageReader {
      const reader = openFilesystemReader({ directory, primitives });
      return {
        async read() {
          await check();
          return await reader.read();
        },
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      };
    },
    check,
    async retire({ waits = true } = {}) {
      try {
        const { folded, files, problems } = await retireWriters({
          directory,
          primitives,
          foreign,
          waits,
          log,
        });
        return { writers: folded, removed: files, problems };
      } catch (error) {
        // Whoever comes later makes the directory.
        if (errorCode(error) !== "ENOENT") throw error;
        return { writers: 0, removed: 0, problems: [] };
      }
    },
    // The kernel has dropped its lock.
    declareDead() {},
    removeAll: () => removeAll({ directory, primitives, log }),
    [Symbol.asyncDispose]() {
      number?.release();
      return Promise.resolve();
    },
  };
}

/** Checks that there is a directory. @throws {StorageError} When there is none */
async function assertDirectory(directory: string): Promise<void> {
  let state = "not a directory";
  let cause: unknown;
  try {
    if ((await stat(directory)).isDirectory()) return;
  } catch (error) {
    cause = error;
    state = errorCode(error) === "ENOENT" ? "no such directory" : errorText(error);
  }
  throw new StorageError(
    `Cannot read ${JSON.stringify(directory)}: ${state}, expected the directory of the metric ` +
      "files (--dir, PROMETHEUS_MULTIPROC_DIR)",
    directory,
    { cause },
  );
}
