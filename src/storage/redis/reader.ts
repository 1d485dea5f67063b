/**
 * The reader of the Redis driver: one round trip a read. Nothing is locked, nothing is written, and no
 * other key of the database is touched.
 *
 * @module
 */
import type { Snapshot, StorageReader } from "../../core/storage.ts";
import type { RedisConnection } from "./connection.ts";
import { redisKeys } from "./keys.ts";
import { nameProblems } from "./name_problems.ts";
import type { PythonSample } from "./python_keys.ts";
import { PythonSearch } from "./python_search.ts";
import { PassReader, type RedisReadStats } from "./read_pass.ts";
import { SourceSet } from "./source_set.ts";

/** What {@linkcode openRedisReader} reads. */
export interface RedisReaderOptions {
  /** The connection; the reader does not close it. */
  readonly connection: RedisConnection;
  /** What the names of all keys begin with. */
  readonly keyPrefix: string;
  /** Whether the keys of the Python exporter are read as well. @default {false} */
  readonly python?: boolean;
  /** The time from one search for Python's keys to the next, in milliseconds. @default {10_000} */
  readonly searchIntervalMs?: number;
  /** Monotonic time in milliseconds. @default {performance.now} */
  readonly now?: () => number;
}

/** A storage reader on Redis. */
export interface RedisReader extends StorageReader {
  /** What the last read has cost. */
  readonly stats: Readonly<RedisReadStats>;
}

/** Opens a reader of what all writers of a prefix have written. */
export function openRedisReader(options: RedisReaderOptions): RedisReader {
  return new Reader(options);
}

const SEARCH_INTERVAL_MS = 10_000;

class Reader implements RedisReader {
  readonly #passes: PassReader;
  readonly #sources: SourceSet;
  readonly #search: PythonSearch | undefined;
  readonly #keyPrefix: string;
  readonly #connection: RedisConnection;
  /** The connection of the last read: since when it was there; `undefined` when the read failed. */
  #connectedSince: number | undefined;

  constructor(options: RedisReaderOptions) {
    const { connection, keyPrefix, python = false, now = () => performance.now() } = options;
    const keys = redisKeys(keyPrefix);
    this.#keyPrefix = keyPrefix;
    this.#connection = connection;
    this.#passes = new PassReader(connection, keys);
    this.#sources = new SourceSet(keys, now);
    if (!python) return;
    const intervalMs = options.searchIntervalMs ?? SEARCH_INTERVAL_MS;
    this.#search = new PythonSearch(connection, keyPrefix, keys, intervalMs);
  }

  get stats(): Readonly<RedisReadStats> {
    return this.#passes.stats;
  }

  async read(): Promise<Snapshot> {
    const search = this.#search;
    await search?.ready();
    const snapshot = await (search?.without(() => this.#read(search.samples)) ?? this.#read([]));
    const problems = [...snapshot.problems, ...search?.problems ?? []];
    return { ...snapshot, problems: nameProblems(problems, this.#keyPrefix) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#search?.[Symbol.asyncDispose]();
  }

  /** Touches no source before all replies are there: when the server fails, they stay as they were. */
  async #read(samples: readonly PythonSample[]): Promise<Snapshot> {
    const { meta: known, liveWriters: writers } = this.#sources;
    const { connectedSince } = this.#connection;
    const before = this.#connectedSince;
    this.#connectedSince = undefined;
    const pass = await this.#passes.read({ known, writers, samples });
    this.#connectedSince = connectedSince;
    if (connectedSince !== before) this.#sources.holdOn();
    return this.#sources.absorb(pass, samples);
  }
}
