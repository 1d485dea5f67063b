/**
 * A storage as one thing: what a process with metrics, a master, an exporter and a cleaner need of
 * it. One file beside this one for each storage there is.
 *
 * @module
 */
import type { ReadProblem, StorageReader, StorageWriter } from "../../core/storage.ts";
import type { MetricsEndpointOptions } from "../../endpoint/mod.ts";
import type { FileLayout } from "../../storage/filesystem/mod.ts";
import type { RedisOptions } from "../../storage/redis/options.ts";

/** Which storage: plain data, which a master tells its workers. */
export type StoragePlace = DirectoryPlace | RedisPlace;

/** A directory of metric files. */
export interface DirectoryPlace {
  /** Which one it is. */
  readonly kind: "directory";
  /** Its path. */
  readonly directory: string;
  /** The layout of its files. */
  readonly layout: FileLayout;
}

/** A server. */
export interface RedisPlace {
  /** Which one it is. */
  readonly kind: "redis";
  /** How it is reached; it may hold a password. */
  readonly redis: Omit<RedisOptions, "client" | "log">;
  /** Whether keys of Python's exporter are read too. */
  readonly python: boolean;
  /** What writers call this machine. */
  readonly host: string;
}

/** What another process has to be permitted to use a storage. */
export interface StorageNeeds {
  /** Paths it reads. */
  readonly read: readonly string[];
  /** Paths it writes. */
  readonly write: readonly string[];
  /** Servers it connects to, `HOST:PORT`; `"all"` when they are not known beforehand. */
  readonly net: readonly string[] | "all";
}

/** The writer of a process. */
export interface ProcessWriter extends StorageWriter {
  /** Does what {@linkcode StorageWriter.flush} does, before it returns, where the storage can. */
  flushSync?(): void;
}

/** How a master claims a storage. */
export interface ClaimOptions {
  /** Whether what the run before left is removed, where it belongs to one master alone. */
  readonly mode: "clean" | "keep";
  /** Ends a process at once: a worker that a former master left running. */
  readonly kill: (pid: number) => void;
}

/** A master's claim, until it is disposed of. */
export interface StorageClaim extends AsyncDisposable {
  /** Notes which workers the master runs, so that the next one can wait for their end. */
  recordWorkers(pids: readonly number[]): void;
}

/** How {@linkcode Storage.retire} goes about. */
export interface RetireOptions {
  /** Whether writers that could not be heard just now may come back first. Default true. */
  readonly patient?: boolean;
  /**
   * Whether to wait for another process that is retiring the writers of a directory; otherwise it is
   * left to that one. Default true.
   */
  readonly waits?: boolean;
}

/** What {@linkcode Storage.retire} did. */
export interface Retired {
  /** How many writers were retired. */
  readonly writers: number;
  /** How many files or keys were removed. */
  readonly removed: number;
  /** What had to stay. */
  readonly problems: readonly ReadProblem[];
}

/** Which of several writers one is, where no master has said so. */
export interface WorkerNumber {
  /** From 1. Numbers of writers that ended are taken again. */
  readonly number: number;
  /** Whether no other writer of the same process was there before. */
  readonly isFirst: boolean;
}

/** A storage; disposing of it closes what its parts share, so they come first. */
export interface Storage extends AsyncDisposable {
  /** What it is, for log lines; no secrets. */
  readonly fields: Readonly<Record<string, string>>;
  /** What single entries are called: `"files"`, `"keys"`. */
  readonly unit: string;
  /** Tells another process which storage this is. It may hold secrets. */
  readonly place: StoragePlace;
  /** What other processes need to use it. */
  readonly needs: StorageNeeds;
  /** Whether times of gauges are stored. */
  readonly storesTimestamps: boolean;
  /** What an endpoint tells about it. */
  readonly about: Pick<
    MetricsEndpointOptions,
    "directoryStats" | "redisStats" | "sources" | "isLogged"
  >;
  /**
   * Makes this process a master on the storage.
   *
   * @throws {StorageError} when it cannot be used, or not beside its present users
   */
  claim(options: ClaimOptions): Promise<StorageClaim>;
  /**
   * Opens the writer of this process, isolate or thread.
   *
   * @param incarnation What the master calls it; it makes one up by itself when it has no master.
   * @throws {StorageError} when the storage cannot be used
   */
  openWriter(incarnation?: string): ProcessWriter;
  /**
   * The number of the writer that this process, isolate or thread has open; `undefined` where the
   * storage numbers nobody.
   */
  workerNumber?(): WorkerNumber | undefined;
  /** Opens a reader of all writers. */
  openReader(): StorageReader;
  /** Checks that it is there. @throws {StorageError} when it is not */
  check(): Promise<void>;
  /** Retires the writers that are dead now. Calls must not overlap. */
  retire(options?: RetireOptions): Promise<Retired>;
  /** Says that the writer with this incarnation has ended, whatever it looks like. */
  declareDead(incarnation: string): void;
  /**
   * Removes everything, totals too.
   *
   * @returns How many entries there were.
   * @throws {StorageError} when a writer lives or might live; nothing is removed then
   */
  removeAll(): Promise<number>;
}
