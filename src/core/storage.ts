/**
 * The storage contract: what a driver gives to the metrics of one writer, and what a reader gives
 * to the aggregation. A driver knows files or a server; it knows nothing of what a metric means.
 *
 * @module
 */
import type { GaugeMode } from "./modes.ts";

/** The types of metrics that are stored. */
export type MetricKind = "counter" | "gauge" | "histogram" | "summary";

/**
 * One series value: a slot of an array that the driver owns. Updating is an indexed add or store;
 * the array may be heap memory or a memory-mapped file, the metric does not know.
 */
export interface Cell {
  /** The driver's array. Only this cell's slots may be written. */
  readonly values: Float64Array;
  /** The slot of the value in `values`. */
  readonly index: number;
  /**
   * The slot in `values` for the time the value was set, in seconds since the epoch (0 = unset);
   * -1 when the driver stores no times.
   */
  readonly timestampIndex: number;
}

/** What the writer of a storage driver offers; one for each writer (process, isolate or thread). */
export interface StorageWriter extends AsyncDisposable {
  /** The writer's id: what a `pid` label shows. */
  readonly writer: string;
  /** Whether times of gauges are stored; without them `mostrecent` modes are refused. */
  readonly storesTimestamps: boolean;
  /** Whether an update survives SIGKILL of the process without any further call. */
  readonly survivesKill: boolean;
  /**
   * Makes the slot of a new series, holding 0. Asked once for each key by the process-wide store.
   * Never throws for lack of space or permission: the slot is then heap memory, and the driver
   * reports it through `unstored`.
   *
   * @param mode The gauge's mode; `undefined` for other kinds.
   * @param key The sample key as {@linkcode encodeSampleKey} makes it.
   */
  allocate(kind: MetricKind, mode: GaugeMode | undefined, key: string): Cell;
  /** How many slots live on the heap alone because the storage refused them. */
  readonly unstored: number;
  /** Brings everything that is not yet in the storage there. */
  flush(): Promise<void>;
}

/** Whether a writer's process is known to run. Unknown is never treated as dead. */
export type Liveness = "live" | "dead" | "unknown";

/**
 * The samples of one writer of one kind and mode: one file, or one group of keys of a server.
 * A reader returns the same object from read to read while the source stays the same, so whoever
 * reads it may keep what it derived from `keys`.
 */
export interface SampleSource {
  /** File name or key: for log lines and as the stable order of sources. */
  readonly name: string;
  /** The writer's id, shown as `pid` where a mode adds that label. */
  readonly writer: string;
  /** The type of every sample in the source. */
  readonly kind: MetricKind;
  /** The mode; `undefined` when `kind` is not `"gauge"`. */
  readonly mode: GaugeMode | undefined;
  /** Whether the writer lives, as of the last read. */
  readonly liveness: Liveness;
  /** When the writer started, seconds since the epoch; `Infinity` when unknown (foreign data). */
  readonly startTime: number;
  /** Whether this holds the folded totals of retired writers. */
  readonly accumulator: boolean;
  /** The sample keys, in order of creation. Only ever grows, except when `revision` changes. */
  readonly keys: readonly string[];
  /** Changes when `keys` is no longer an extension of what it was. */
  readonly revision: number;
  /** The values as of the last read; entry `i` is `values[slots[i]]`. */
  readonly values: Float64Array;
  /** The slot of each entry's value. May be longer than `keys`. */
  readonly slots: Uint32Array;
  /** Whether `values[slots[i] + 1]` is the time entry `i` was set, in seconds, 0 when unset. */
  readonly hasTimestamps: boolean;
  /**
   * For accumulators: what is left of an entry's exact sum beside its rounded value, by entry;
   * the exact sum is the value plus all components.
   */
  readonly components: ReadonlyMap<number, readonly number[]> | undefined;
}

/** Something that was skipped while reading; the rest is served. */
export interface ReadProblem {
  /** The file or key. */
  readonly source: string;
  /** One line: what is wrong with it. */
  readonly message: string;
}

/** Everything a reader found at one moment. */
export interface Snapshot {
  /** All sources, ordered by name. */
  readonly sources: readonly SampleSource[];
  /** The number of writers by liveness. */
  readonly writers: Readonly<Record<Liveness, number>>;
  /** What was skipped. */
  readonly problems: readonly ReadProblem[];
  /** The storage of each source, where several are read as one: each has accumulators of its own. */
  readonly storages?: ReadonlyMap<SampleSource, string>;
}

/** Reads what all writers of a storage have written. */
export interface StorageReader extends AsyncDisposable {
  /**
   * Reads everything anew. Never waits for a writer. Calls must not overlap; the arrays of the
   * sources stay valid until the next call.
   */
  read(): Promise<Snapshot>;
}
