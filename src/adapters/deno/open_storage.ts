/**
 * Opens the storage of this process, isolate or thread, and keeps it up to date.
 *
 * @module
 */
import { clearInterval, setInterval } from "node:timers";
import { type Log, SILENT_LOG } from "../../core/log.ts";
import { type ProcessStore, processStore } from "../../core/process_store.ts";
import type { FileLayout } from "../../storage/filesystem/file_format.ts";
import { type FilesystemWriter, openFilesystemWriter } from "../../storage/filesystem/writer.ts";
import { denoFilePrimitives } from "./file_primitives.ts";

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
  readonly writer: FilesystemWriter;
}

const DEFAULT_DIRECTORY = "/tmp/prometheus_multiproc";

/** How often values that are copied rather than shared are brought up to date. */
const SNAPSHOT_INTERVAL_MS = 1000;

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
  const { layout = "timestamp", log = SILENT_LOG } = options;
  const store = processStore();
  if (store.writer !== undefined) {
    throw new Error(
      `Cannot open the storage: writer ${JSON.stringify(store.writer.writer)} is open already`,
    );
  }
  const writer = openFilesystemWriter({
    directory: options.directory ?? defaultDirectory(),
    layout,
    primitives: denoFilePrimitives,
    onProblem: ({ source, message }) => log.error(message, { source }),
  });
  store.open(writer);
  const timer = setInterval(() => void snapshotAll(store, log), SNAPSHOT_INTERVAL_MS);
  timer.unref();
  const flush = (): void => writer.flushSync();
  addEventListener("unload", flush);
  return {
    writer,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      removeEventListener("unload", flush);
      await snapshotAll(store, log);
      store.detach();
      await writer[Symbol.asyncDispose]();
    },
  };
}

/** Brings values that are copied up to date; one that fails keeps none of the others. */
async function snapshotAll(store: ProcessStore, log: Log): Promise<void> {
  for (const storable of store.connected) {
    try {
      await storable.snapshot?.();
    } catch (error) {
      log.error("Cannot collect a metric", { error });
    }
  }
}

/** The directory when none is given: `PROMETHEUS_MULTIPROC_DIR`, else `/tmp/prometheus_multiproc`. */
export function defaultDirectory(): string {
  const name = "PROMETHEUS_MULTIPROC_DIR";
  // Without the permission Deno would ask for it on the terminal.
  const mayRead = Deno.permissions.querySync({ name: "env", variable: name }).state === "granted";
  return (mayRead ? Deno.env.get(name) : undefined) || DEFAULT_DIRECTORY;
}
