/**
 * Looks for the keys of the Python exporter, in the background: nobody lists them.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";
import type { ReadProblem } from "../../core/storage.ts";
import type { RedisCommand, RedisConnection } from "./connection.ts";
import type { RedisKeys } from "./keys.ts";
import {
  parsePythonKey,
  type PythonKey,
  pythonPattern,
  type PythonSample,
  selectPythonSamples,
} from "./python_keys.ts";
import { shown } from "./redis_source.ts";

/** How soon it is tried again after one that failed: the server may be there soon. */
const RETRY_MS = 250;
/** How long the first read waits for the first search. */
const FIRST_MS = 2000;
/** Keys that a SCAN looks at. */
const COUNT = "1000";

type Meta = readonly (string | null)[];

/** Searches from the moment it is made until it is disposed of. */
export class PythonSearch implements AsyncDisposable {
  /** What the last search has found. */
  samples: readonly PythonSample[] = [];
  /** What it has found and cannot use, or why it failed. */
  problems: readonly ReadProblem[] = [];
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #keys: RedisKeys;
  readonly #intervalMs: number;
  #known = new Map<string, readonly [PythonKey, Meta]>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void>;
  /** Resolves when a search has succeeded. */
  readonly #first: Promise<void>;
  #succeed: () => void = () => {};
  #waited = false;
  #paused: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param intervalMs The time from the end of a search to the next one. */
  constructor(connection: RedisConnection, prefix: string, keys: RedisKeys, intervalMs: number) {
    this.#intervalMs = intervalMs;
    this.#connection = connection;
    this.#prefix = prefix;
    this.#keys = keys;
    this.#first = new Promise((resolve) => this.#succeed = resolve);
    this.#running = this.#search();
  }

  /** Waits until the first search is done, for some time, the first time it is called. */
  async ready(): Promise<void> {
    if (this.#waited) return;
    this.#waited = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, FIRST_MS));
    await Promise.race([this.#first, late]);
    clearTimeout(timer);
  }

  /** Does something while no search goes on. */
  async without<T>(run: () => Promise<T>): Promise<T> {
    let goOn = (): void => {};
    this.#paused = new Promise((resolve) => goOn = resolve);
    try {
      return await run();
    } finally {
      goOn();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #search(): Promise<void> {
    let delayMs = this.#intervalMs;
    try {
      await this.#searchOnce();
      this.#succeed();
    } catch (error) {
      // What was found before is still read.
      delayMs = RETRY_MS;
      const message = error instanceof Error ? error.message : String(error);
      this.problems = [{
        source: this.#prefix,
        message: `Cannot look for Python's keys: ${message}`,
      }];
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#running = this.#search(), delayMs);
    this.#timer.unref();
  }

  async #searchOnce(): Promise<void> {
    const found = new Map<string, readonly [PythonKey, Meta]>();
    const problems: ReadProblem[] = [];
    const pattern = pythonPattern(this.#prefix);
    let cursor = "0";
    do {
      const command = ["SCAN", cursor, "MATCH", pattern, "COUNT", COUNT] as const;
      const [next, keys] = await this.#send<[string, string[]]>([command]).then((all) => all[0]!);
      cursor = next;
      await this.#readMeta(keys, found, problems);
    } while (cursor !== "0" && !this.#closed);
    if (this.#closed) return;
    this.#known = found;
    this.samples = selectPythonSamples([...found.values()]);
    this.problems = problems;
  }

  /** Reads what is said about keys that were not there before. */
  async #readMeta(
    texts: readonly string[],
    found: Map<string, readonly [PythonKey, Meta]>,
    problems: ReadProblem[],
  ): Promise<void> {
    const added: PythonKey[] = [];
    for (const text of texts) {
      const known = this.#known.get(text);
      if (known !== undefined) found.set(text, known);
      const key = known ?? parsePythonKey(this.#prefix, this.#keys, text);
      if (key !== undefined && !Array.isArray(key)) added.push(key as PythonKey);
    }
    const commands = added.map(({ meta }) => ["HMGET", meta, "original_key", "multiprocess_mode"]);
    const replies = await this.#send<Meta | Error>(commands as unknown as RedisCommand[]);
    for (const [i, key] of added.entries()) {
      const meta = replies[i];
      if (Array.isArray(meta) && meta[0]) found.set(key.data, [key, meta]);
      else problems.push({ source: key.data, message: `Its name is not in ${shown(key.meta)}` });
    }
  }

  async #send<T>(commands: readonly RedisCommand[]): Promise<T[]> {
    await this.#paused;
    if (commands.length === 0 || this.#closed) return [];
    return await this.#connection.send(commands) as T[];
  }
}
