/**
 * The writer of the Redis driver: values live in memory, and what changed is sent once a second.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";
import type { GaugeMode } from "../../core/modes.ts";
import { decodeSampleKey } from "../../core/sample_key.ts";
import type { Cell, MetricKind, ReadProblem, StorageWriter } from "../../core/storage.ts";
import type { RedisConnection } from "./connection.ts";
import { FamilyCells } from "./family_cells.ts";
import { Flusher, type FlushOutcome, heartbeatMs } from "./flusher.ts";
import { redisKeys } from "./keys.ts";

export type { FlushOutcome } from "./flusher.ts";

/** How {@linkcode openRedisWriter} works. */
export interface RedisWriterOptions {
  /** The connection; its owner closes it, after the writer. */
  readonly connection: RedisConnection;
  /** What all keys begin with; on a cluster with a hash tag. */
  readonly keyPrefix: string;
  /** The process id, for the writer's id. */
  readonly pid: number;
  /** The host's name, for the writer's id. */
  readonly host: string;
  /** Tells writers of the same pid and host apart: never used before. @default {random} */
  readonly incarnation?: string;
  /** How long the writer counts as live without a flush or heartbeat, in milliseconds. */
  readonly ttlMs: number;
  /** How often changes are sent, in milliseconds. @default {1000} */
  readonly flushIntervalMs?: number;
  /** How long data lives when nobody renews it, in milliseconds; 0 for ever. @default {24 hours} */
  readonly dataLifeMs?: number;
  /**
   * How long closing may wait for the server, in milliseconds; for one that never worked it does not
   * wait. @default {3000}
   */
  readonly closeTimeoutMs?: number;
  /** Metrics whose changes alone are no reason to flush, such as those about flushes. */
  readonly isQuiet?: (metricName: string) => boolean;
  /** Told what keeps values from being stored, once until it works again; not of the connection's own problem. */
  readonly onProblem?: (problem: ReadProblem) => void;
  /** Told about every flush that sent something, and of those that were due too early. */
  readonly onFlush?: (outcome: FlushOutcome) => void;
  /** The clock, milliseconds since the epoch. @default {Date.now} */
  readonly now?: () => number;
  /** Makes random texts. @default {12 hexadecimal digits} */
  readonly random?: () => string;
}

/** A storage writer on Redis. */
export interface RedisWriter extends StorageWriter {
  /** What tells it apart from all others; in its id, from retirement to retirement with a number. */
  readonly incarnation: string;
  /** Whether the last flush went well. */
  readonly flushed: boolean;
}

/** Data of a service that stopped is there for a day, in milliseconds. */
const DATA_LIFE_MS = 24 * 3600 * 1000;

const FLUSH_INTERVAL_MS = 1000;
const CLOSE_TIMEOUT_MS = 3000;
const CLOSE_RETRY_MS = 100;

/**
 * Opens a writer. The server need not be there: values stay in memory, and go to it when it is.
 * Updates cost what they cost on the heap; a SIGKILL loses what was not flushed yet.
 */
export function openRedisWriter(options: RedisWriterOptions): RedisWriter {
  return new Writer(options);
}

class Writer implements RedisWriter {
  readonly incarnation: string;
  readonly storesTimestamps = true;
  readonly survivesKill = false;
  readonly unstored = 0;
  flushed = true;
  readonly #options: RedisWriterOptions;
  readonly #families = new Map<string, FamilyCells>();
  readonly #flusher: Flusher;
  readonly #timer: ReturnType<typeof setInterval>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** Whether a flush has gone well. */
  #hasWorked = false;
  /** Whether the last one got no answer, or an error. */
  #hasFailed = false;

  constructor(options: RedisWriterOptions) {
    const random = options.random ?? ((): string => randomBytes(6).toString("hex"));
    const { connection, keyPrefix, pid, host, ttlMs, dataLifeMs = DATA_LIFE_MS } = options;
    this.#options = options;
    this.incarnation = options.incarnation ?? random();
    this.#flusher = new Flusher({
      connection,
      keys: redisKeys(keyPrefix),
      pid,
      host,
      incarnation: this.incarnation,
      ttlMs,
      dataLifeMs,
      now: options.now ?? Date.now,
      random,
    });
    const interval = options.flushIntervalMs ?? FLUSH_INTERVAL_MS;
    this.#timer = setInterval(
      () => this.#tick(),
      Math.min(interval, heartbeatMs({ ttlMs, dataLifeMs })),
    );
    this.#timer.unref();
  }

  get writer(): string {
    return this.#flusher.writer;
  }

  allocate(kind: MetricKind, mode: GaugeMode | undefined, key: string): Cell {
    // prom-client's aggregator `omit` asks for no result.
    if (mode === "omit" || this.#closing !== undefined) {
      return { values: new Float64Array(2), index: 0, timestampIndex: 1 };
    }
    const { metric, help } = decodeSampleKey(key) ?? { metric: key, help: "" };
    const name = mode === undefined ? `${kind} ${metric}` : `${kind}_${mode} ${metric}`;
    let cells = this.#families.get(name);
    if (cells === undefined) {
      const quiet = this.#options.isQuiet?.(metric) ?? false;
      cells = new FamilyCells(kind, mode, metric, help, quiet);
      this.#families.set(name, cells);
      this.#flusher.families.push(cells);
    }
    return cells.allocate(key);
  }

  flush(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    return this.#flush(false);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS);
    });
    const end = new AbortController();
    const leaving = this.#leave(end.signal);
    try {
      await Promise.race([leaving, limit]);
    } catch (error) {
      this.#report(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timer);
      end.abort();
      leaving.catch(() => {}); // Nobody waits for it any more; the heartbeat runs out by itself.
    }
  }

  /** A server that has worked may be there again before the limit: only this process has the values. */
  async #leave(end: AbortSignal): Promise<void> {
    await this.#flush(false);
    while (this.#hasWorked && this.#hasFailed && !end.aborted) {
      await new Promise((resolve) => setTimeout(resolve, CLOSE_RETRY_MS));
      await this.#flush(false);
    }
    await this.#flusher.leave();
  }

  #tick(): void {
    const { heartbeatDue, inFlight, families } = this.#flusher;
    const due = heartbeatDue || inFlight ||
      families.some((cells) => !cells.quiet && cells.hasChanges);
    if (!due) return;
    if (this.#running === undefined) {
      void this.#flush(heartbeatDue);
    } else {
      this.#options.onFlush?.({
        result: "delayed",
        durationMs: 0,
        bytes: 0,
        commands: 0,
        fields: 0,
      });
    }
  }

  /** Starts a flush; while one runs, one more after it, as it may have passed what changed since. */
  #flush(heartbeat: boolean): Promise<void> {
    if (this.#running === undefined) return this.#running = this.#run(heartbeat);
    return this.#next ??= this.#running.then(() => this.#run(heartbeat));
  }

  async #run(heartbeat: boolean): Promise<void> {
    const start = performance.now();
    let healthy = true;
    const outcome = await this.#flusher.flush(heartbeat, (message) => {
      healthy = false;
      this.#report(message);
    });
    this.flushed = healthy;
    this.#hasFailed = outcome.result === "failed";
    this.#hasWorked ||= outcome.commands > 0 && !this.#hasFailed;
    this.#running = this.#next;
    this.#next = undefined;
    if (outcome.commands > 0) {
      this.#options.onFlush?.({ ...outcome, durationMs: performance.now() - start });
    }
  }

  #report(message: string): void {
    // What is wrong with the connection is logged there, when it is more than slow to be made.
    const { connectedSince, problem } = this.#options.connection;
    if (!this.flushed || connectedSince === undefined || problem !== undefined) return;
    this.flushed = false;
    this.#options.onProblem?.({
      source: this.#options.keyPrefix,
      message: `Cannot write metrics of writer "${this.writer}": ${message}; values stay in memory`,
    });
  }
}
