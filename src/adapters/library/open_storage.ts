/**
 * Opens the storage of this process, isolate or thread, and keeps it up to date.
 *
 * @module
 */
import { type Log, SILENT_LOG } from "../../core/log.ts";
import type { StorageWriter } from "../../core/storage.ts";
import type { FileLayout } from "../../storage/filesystem/file_format.ts";
import type { RedisOptions } from "../../storage/redis/options.ts";
import { directoryStorage } from "../storage/directory.ts";
import { storagePlace } from "../storage/place.ts";
import { openedStorage } from "../storage/process_storage.ts";
import { redisStorage } from "../storage/redis.ts";
import { startRetiring } from "../storage/retiring.ts";
import type { Storage } from "../storage/storage.ts";
import { placeOfThread } from "../storage/thread_place.ts";
import { RUNTIME } from "../this_runtime.ts";
import { environmentConfig } from "./environment.ts";
import { assertStorageOptions } from "./given.ts";
import { openProcessStorage } from "./storage.ts";

/** How {@linkcode openStorage} works. */
export interface OpenStorageOptions {
  /**
   * The directory of the metric files; made when it is missing.
   *
   * @default {in a thread of a worker of a cluster the storage of that, else
   * `PROMETHEUS_MULTIPROC_DIR`, else `/tmp/prometheus_multiproc`}
   */
  readonly directory?: string;
  /** Redis, in place of a directory. @default {that of `REDIS_…`, where `REDIS_ENABLED` is true} */
  readonly redis?: RedisOptions;
  /** On-disk layout, one for a whole directory. @default {"timestamp"} */
  readonly layout?: FileLayout;
  /**
   * Whether this process retires dead writers: their totals are folded together, and their files or
   * keys removed, so that cost does not grow with every restart. Of all processes that could, one at
   * a time does. Say no where Python's own collector reads the directory: it may count a writer twice
   * that is being folded.
   *
   * @default {true}
   */
  readonly retire?: boolean;
  /** Told what cannot be written. @default {SILENT_LOG} */
  readonly log?: Log;
}

/** The open storage of a process; disposing of it writes everything and drops the writer's claim. */
export interface OpenedStorage extends AsyncDisposable {
  /** The writer that the metrics of this process use. */
  readonly writer: StorageWriter;
}

/**
 * Connects all metrics of this process, those made before as well, with the storage that a metrics
 * endpoint reads: files, or Redis. A Redis server need not be there: values stay in memory, and go to
 * it when it is. The process then also retires dead writers, one of all that could at a time.
 *
 * Open a storage once in a process: one that is opened after another gets everything counted so far,
 * and so counts it again when it is the same one.
 *
 * Permissions: read and write for the directory, and `ffi` for files that survive SIGKILL to the last
 * increment; or `net` for Redis. `env` for the variables, where none of both is given.
 *
 * @throws {StorageError} When the directory cannot be made, is not safe or may not be written to.
 * @throws {ConfigError} When the options or the variables of the storage contradict each other.
 * @throws {TypeError} When an option is not of its kind.
 * @throws {Error} When the storage of this process is open already.
 */
export function openStorage(options: OpenStorageOptions = {}): OpenedStorage {
  assertStorageOptions(options);
  const { log = SILENT_LOG, retire = true } = options;
  const storage = chooseStorage(options);
  const opened = openProcessStorage({ storage, log });
  const retiring = retire
    ? startRetiring({ retire: () => storage.retire({ waits: false }), log })
    : undefined;
  // Those of the run before: a service that is restarted all the time never comes to the first turn.
  if (storage.place.kind === "directory") retiring?.soon();
  // What is flushed with a server cannot be when the process exits, only just before.
  const forget = opened.writer.flushSync === undefined
    ? RUNTIME.beforeExit(() => opened[Symbol.asyncDispose]())
    : undefined;
  return {
    writer: opened.writer,
    async [Symbol.asyncDispose]() {
      forget?.();
      await retiring?.[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
    },
  };
}

/** What is to be read. */
export interface StorageToRead extends AsyncDisposable {
  /** The storage. */
  readonly storage: Storage;
}

/**
 * The storage that is asked for, else the one that this process has open, else that of its
 * environment. Disposing of it leaves alone what this process has open.
 */
export function storageToRead(options: OpenStorageOptions): StorageToRead {
  const opened = options.directory ?? options.redis ? undefined : openedStorage();
  if (opened === undefined) {
    const storage = chooseStorage(options);
    return { storage, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]() };
  }
  return { storage: opened, [Symbol.asyncDispose]: () => Promise.resolve() };
}

function chooseStorage(options: OpenStorageOptions): Storage {
  const { directory, redis, layout = "timestamp", log = redis?.log ?? SILENT_LOG } = options;
  if (redis !== undefined) {
    if (directory !== undefined) {
      throw new TypeError("Cannot use two storages: directory and redis are given, expected one");
    }
    return redisStorage({ redis, log, python: false, host: RUNTIME.hostname() });
  }
  if (directory !== undefined) return files(directory, layout, log);
  const told = placeOfThread();
  const place = told ?? storagePlace(environmentConfig("storage"), RUNTIME.hostname());
  return place.kind === "redis"
    ? redisStorage({ ...place, log })
    : files(place.directory, told?.kind === "directory" ? told.layout : layout, log);
}

function files(directory: string, layout: FileLayout, log: Log): Storage {
  return directoryStorage({ directory, layout, log, primitives: RUNTIME.files });
}
