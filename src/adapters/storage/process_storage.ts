/**
 * The metrics of a process, isolate or thread on its writer.
 *
 * @module
 */
import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";
import type { Log } from "../../core/log.ts";
import { processStore, type Storable } from "../../core/process_store.ts";
import { mirrorAll, mirrorEach, snapshotAll } from "../../core/snapshot.ts";
import { startMirroring } from "./mirroring.ts";
import type { ProcessWriter, Storage } from "./storage.ts";

/** The open storage of a process; disposing of it writes everything and drops the writer's claim. */
export interface ProcessStorage extends AsyncDisposable {
  /** The writer that the metrics of this process use. */
  readonly writer: ProcessWriter;
}

/** What {@linkcode openProcessStorage} connects. */
export interface ProcessStorageOptions {
  /** The storage; it stays the caller's. */
  readonly storage: Storage;
  /** What the master calls the writer. */
  readonly incarnation?: string;
  /** Told what cannot be collected. */
  readonly log: Log;
  /** Calls back when the process exits without closing anything; the result forgets that. */
  readonly atExit: (callback: () => void) => () => void;
}

/** How often values that are copied rather than shared are brought up to date. */
const SNAPSHOT_INTERVAL_MS = 1000;

/** How long the last `collect()` callbacks may take when the storage is closed. */
const LAST_SNAPSHOT_MS = 1000;

/** How long a scrape inside an application waits for the `collect()` callbacks of its process. */
const SCRAPE_SNAPSHOT_MS = 500;

/** Where a writer names its storage: the store may have it from another copy of this module. */
const STORAGE = Symbol.for("@gpe/cli/storage");

/**
 * Opens a writer and connects all metrics of this process with it, those made before as well.
 *
 * @throws {Error} When the storage of this process is open already; no writer is opened then.
 * @throws {StorageError} When the storage cannot be used.
 */
export function openProcessStorage(options: ProcessStorageOptions): ProcessStorage {
  const { storage, incarnation, log, atExit } = options;
  const store = processStore();
  checkIsClosed();
  const writer = storage.openWriter(incarnation);
  Object.assign(writer, { [STORAGE]: storage });
  store.open(writer);
  const onError = (error: unknown, { name }: Storable): void =>
    log.error("Cannot collect a metric", { metric: name, error });
  const told = new Map<Storable, string>();
  const snapshot = async (): Promise<void> => {
    const failed = new Set<Storable>();
    await snapshotAll(store, (error, storable) => {
      failed.add(storable);
      // The same a second later is no news.
      if (told.get(storable) === String(error)) return;
      told.set(storable, String(error));
      onError(error, storable);
    });
    for (const storable of told.keys()) if (!failed.has(storable)) told.delete(storable);
  };
  const mirror = (): void => mirrorAll(store, onError);
  const timer = setInterval(() => void snapshot(), SNAPSHOT_INTERVAL_MS);
  timer.unref();
  const stopMirroring = startMirroring(() => mirrorEach(store, onError));
  const forget = atExit(() => {
    mirror();
    writer.flushSync?.();
  });
  const close = async (): Promise<void> => {
    clearInterval(timer);
    stopMirroring();
    forget();
    await settleWithin(snapshot(), LAST_SNAPSHOT_MS);
    mirror();
    store.detach();
    await writer[Symbol.asyncDispose]();
  };
  let closing: Promise<void> | undefined;
  return { writer, [Symbol.asyncDispose]: () => closing ??= close() };
}

/** @throws {Error} When the storage of this process is open already. */
export function checkIsClosed(): void {
  const { writer } = processStore();
  if (writer === undefined) return;
  throw new Error(
    `Cannot open the storage: writer ${JSON.stringify(writer.writer)} is open already, ` +
      "expected one openStorage() in a process, and none in a master or in a worker that it started",
  );
}

/** The storage on which this process has a writer open. */
export function openedStorage(): Storage | undefined {
  return (processStore().writer as { readonly [STORAGE]?: Storage } | undefined)?.[STORAGE];
}

/** Brings into the storage what this process has counted until now, where its storage is open. */
export async function flushProcessStorage(): Promise<void> {
  const store = processStore();
  // A callback that fails is reported by the open storage, which runs all of them every second.
  await settleWithin(snapshotAll(store), SCRAPE_SNAPSHOT_MS);
  // Nor does one that never ends keep back what its metric counts. Failures are reported there too.
  mirrorAll(store, () => {});
  await store.writer?.flush();
}

/** Settles when the promise does, or after a while: what never ends must not hold up anything. */
async function settleWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, limitMs));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
