/**
 * Opens the storage of this process, isolate or thread, and keeps it up to date.
 *
 * @module
 */
import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";
import { SETTINGS } from "../../config/settings.ts";
import { type Log, SILENT_LOG } from "../../core/log.ts";
import { processStore } from "../../core/process_store.ts";
import { snapshotAll } from "../../core/snapshot.ts";
import type { FileLayout } from "../../storage/filesystem/file_format.ts";
import { type FilesystemWriter, openFilesystemWriter } from "../../storage/filesystem/writer.ts";
import { denoFilePrimitives } from "./file_primitives.ts";
import { permittedEnv } from "./runtime.ts";

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

/** How often values that are copied rather than shared are brought up to date. */
const SNAPSHOT_INTERVAL_MS = 1000;

/** How long the last `collect()` callbacks may take when the storage is closed. */
const LAST_SNAPSHOT_MS = 1000;

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
  const snapshot = (): Promise<unknown> =>
    snapshotAll(store, (error) => log.error("Cannot collect a metric", { error }));
  const timer = setInterval(() => void snapshot(), SNAPSHOT_INTERVAL_MS);
  timer.unref();
  const flush = (): void => writer.flushSync();
  addEventListener("unload", flush);
  return {
    writer,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      removeEventListener("unload", flush);
      await settleSoon(snapshot());
      store.detach();
      await writer[Symbol.asyncDispose]();
    },
  };
}

/** Settles when the promise does, or after a while: what never ends must not keep a process. */
async function settleSoon(promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, LAST_SNAPSHOT_MS));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

function defaultDirectory(): string {
  return permittedEnv("PROMETHEUS_MULTIPROC_DIR") || SETTINGS.directory.default;
}
