/**
 * Opens the storage of this process, isolate or thread, and keeps it up to date.
 *
 * @module
 */
import { SETTINGS } from "../../config/settings.ts";
import { type Log, SILENT_LOG } from "../../core/log.ts";
import { processStore } from "../../core/process_store.ts";
import type { StorageWriter } from "../../core/storage.ts";
import type { FileLayout } from "../../storage/filesystem/file_format.ts";
import type { Storage, StoragePlace } from "../storage/storage.ts";
import { permittedEnv } from "./runtime.ts";
import { openProcessStorage, storageAt } from "./storage.ts";

/** How {@linkcode openStorage} works. */
export interface OpenStorageOptions {
  /**
   * The directory of the metric files; made when it is missing.
   *
   * @default {`PROMETHEUS_MULTIPROC_DIR`, else `/tmp/prometheus_multiproc`}
   */
  readonly directory?: string;
  /** On-disk layout, one for a whole directory. @default {"timestamp"} */
  readonly layout?: FileLayout;
  /** Told what cannot be written. @default {SILENT_LOG} */
  readonly log?: Log;
}

/** The open storage of a process; disposing of it writes everything and drops the writer's claim. */
export interface OpenedStorage extends AsyncDisposable {
  /** The writer that the metrics of this process use. */
  readonly writer: StorageWriter;
}

/**
 * Connects all metrics of this process, those made before as well, with files that a metrics
 * endpoint reads.
 *
 * Permissions: read and write for the directory; `ffi` for files that survive SIGKILL to the last
 * increment; `env` for `PROMETHEUS_MULTIPROC_DIR` when no directory is given.
 *
 * @throws {StorageError} When the directory cannot be made, is not safe or may not be written to.
 * @throws {Error} When the storage of this process is open already.
 */
export function openStorage(options: OpenStorageOptions = {}): OpenedStorage {
  const { log = SILENT_LOG } = options;
  const storage = storageAt(storagePlace(options), { log });
  const opened = openProcessStorage({ openWriter: storage.openWriter, log });
  return {
    writer: opened.writer,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
    },
  };
}

/** The storage that is asked for, else the one that this process has open, else that of its environment. */
export function storageToRead(options: Pick<OpenStorageOptions, "directory">): Storage {
  const directory = options.directory ?? openDirectory();
  return storageAt(storagePlace(directory === undefined ? {} : { directory }), { log: SILENT_LOG });
}

function storagePlace({ directory, layout = "timestamp" }: OpenStorageOptions): StoragePlace {
  return {
    kind: "directory",
    directory: directory ??
      (permittedEnv("PROMETHEUS_MULTIPROC_DIR") || SETTINGS.directory.default),
    layout,
  };
}

/** The writer may be another copy's of this module, so its kind is looked at, not its class. */
function openDirectory(): string | undefined {
  const { writer } = processStore();
  return writer !== undefined && "directory" in writer && typeof writer.directory === "string"
    ? writer.directory
    : undefined;
}
