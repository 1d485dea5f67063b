/**
 * Retires dead writers: their totals are folded into the accumulators, their keys are removed, and no
 * page shows a difference.
 *
 * Whoever holds the lease does so, one writer after the other:
 *
 * 1. The writer gets a tombstone. From now on no flush of it is applied; should it come back, it goes
 *    on as another writer and leaves out what is folded.
 * 2. Its values are read, added up here, and moved in scripts, each of which takes the fields from the
 *    writer and puts the new totals into the accumulator, at once and only where nothing has changed.
 * 3. When it has nothing left, it is removed. Its gauges of mode `all` stay for a while.
 *
 * Each step raises the generation, so a reader notices. Whatever a stop leaves behind, the next pass
 * finds by the same rules. What cannot be read stays as it is.
 *
 * @module
 */
import { StorageError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { ReadProblem } from "../../core/storage.ts";
import { DEFAULT_RETENTION, retained, type Retention } from "../retention.ts";
import type { RedisConnection } from "./connection.ts";
import { tombstoneLife } from "./flusher.ts";
import { type FamilyKey, redisKeys } from "./keys.ts";
import { LeaseLost, takeLease } from "./lease.ts";
import { type DeadWriter, type RetireContext, WriterRetirement } from "./retire_writer.ts";
import { nameProblems } from "./name_problems.ts";
import { bury, deathOf, isSuspect, type Judgement } from "./suspects.ts";
import { listWriters } from "./writer_list.ts";

/** How {@linkcode createRedisRetirer} goes about. */
export interface RedisRetirerOptions {
  /** The connection; it stays the caller's. */
  readonly connection: RedisConnection;
  /** What all keys begin with. */
  readonly keyPrefix: string;
  /** How long data lives that nobody renews, in milliseconds; 0 = for ever. */
  readonly dataLifeMs: number;
  /** How long a writer may be silent, in milliseconds. */
  readonly ttlMs: number;
  /** How long gauges of mode `all` stay. @default {1 hour, 100 writers} */
  readonly retention?: Retention;
  /** Told what was retired. @default {SILENT_LOG} */
  readonly log?: Log;
  /** The clock for the retention, milliseconds since the epoch. @default {the server's} */
  readonly now?: () => number;
}

/** What a pass did. */
export interface RedisRetired {
  /** How many writers had something that was folded or removed. */
  readonly folded: number;
  /** How many of their families are gone. */
  readonly families: number;
  /** Whether somebody else retires writers just now, so that this one left it to them. */
  readonly busy: boolean;
  /** What had to stay, and why. */
  readonly problems: readonly ReadProblem[];
}

/** Retires writers of one prefix. */
export interface RedisRetirer extends AsyncDisposable {
  /**
   * Retires all writers that are dead now.
   *
   * @param options.patient Whether writers may come back first after a connection was made: none is
   * found dead by its silence before a third of its time is over (at least 2 s, at most 30 s). A
   * command that was just started does not wait: a writer that comes back later is exact as well, it
   * only has to begin anew. Default true.
   * @throws {StorageError} When the server cannot be used.
   */
  retire(options?: { readonly patient?: boolean }): Promise<RedisRetired>;
  /** Says that a process has ended for certain: its writers are dead from the next pass on. */
  declareDead(incarnation: string): void;
  /** Ends a pass that is under way after its present step. The connection stays open. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How many writers may fail, for whatever reason, before the rest is left to the next pass. */
const MAX_FAILURES = 3;

/** Makes a retirer. */
export function createRedisRetirer(options: RedisRetirerOptions): RedisRetirer {
  const declared = new Set<string>();
  const passes = new Set<Promise<unknown>>();
  const stop = new AbortController();
  return {
    async retire({ patient = true } = {}) {
      const { connection, ttlMs } = options;
      const { connectedSince } = connection;
      const graceMs = Math.min(Math.max(2000, ttlMs / 3), 30_000);
      const bySilence = !patient ||
        connectedSince !== undefined && performance.now() - connectedSince >= graceMs;
      const ended = [...declared];
      const pass = new Pass(options, stop.signal, { bySilence, ended }).run();
      passes.add(pass);
      try {
        const retired = await pass;
        if (retired.busy) return retired;
        for (const incarnation of ended) declared.delete(incarnation);
        return retired;
      } finally {
        passes.delete(pass);
      }
    },
    declareDead(incarnation) {
      declared.add(incarnation);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.allSettled(passes);
    },
  };
}

/** One pass. */
class Pass {
  readonly #options: RedisRetirerOptions;
  readonly #stop: AbortSignal;
  readonly #judgement: Judgement;
  /** By what is said, so that nothing is said twice. */
  readonly #problems = new Map<string, ReadProblem>();
  #folded = 0;
  #families = 0;

  constructor(options: RedisRetirerOptions, stop: AbortSignal, judgement: Judgement) {
    this.#options = options;
    this.#stop = stop;
    this.#judgement = judgement;
  }

  async run(): Promise<RedisRetired> {
    const { connection, keyPrefix, dataLifeMs, log, now } = this.#options;
    const keys = redisKeys(keyPrefix);
    const report = (source: string, message: string): void => {
      this.#problems.set(`${source} ${message}`, { source, message });
    };
    const { writers, nowMs } = await listWriters(connection, keys, report);
    const nowSeconds = (now?.() ?? nowMs) / 1000;
    const suspects = writers.filter((writer) => isSuspect(writer, this.#judgement));
    // Not even the lease is worth having when there is nothing to do.
    const buried = suspects.flatMap((writer) =>
      writer.tombstone === undefined ? [] : [{ ...writer, since: deathOf(writer.tombstone) }]
    );
    if (buried.length === suspects.length && this.#due(buried, nowSeconds).length === 0) {
      return this.#result(false);
    }
    const lease = await takeLease(connection, keys, dataLifeMs);
    if (lease === undefined) return this.#result(true);
    try {
      const context = { connection, keys, lease, report };
      const lifeMs = tombstoneLife(dataLifeMs);
      const dead = await bury(context, suspects, this.#judgement.ended, lifeMs, this.#stop);
      await this.#retireAll(context, dead, nowSeconds);
    } catch (error) {
      if (error instanceof LeaseLost) return this.#result(true);
      throw error;
    } finally {
      await lease.release().catch(() => {}); // it lapses by itself
    }
    if (this.#folded > 0) {
      log?.debug("Retired writers", { writers: this.#folded, families: this.#families });
    }
    return this.#result(false);
  }

  async #retireAll(
    context: RetireContext,
    dead: readonly DeadWriter[],
    nowSeconds: number,
  ): Promise<void> {
    const { connection } = context;
    const retirement = new WriterRetirement(context);
    let failures = 0;
    for (const [writer, kept] of this.#due(dead, nowSeconds)) {
      if (this.#stop.aborted) return;
      try {
        const gone = await retirement.retire(writer, kept);
        if (gone > 0) this.#folded++;
        this.#families += gone;
      } catch (error) {
        const isPassing = error instanceof StorageError && connection.connectedSince !== undefined;
        if (!isPassing || ++failures === MAX_FAILURES) throw error;
        context.report(writer.id, error.message);
      }
    }
  }

  /** The writers that something is to be done about, and whether their gauges of mode `all` stay. */
  #due(writers: readonly DeadWriter[], nowSeconds: number): [writer: DeadWriter, kept: boolean][] {
    const { retention = DEFAULT_RETENTION } = this.#options;
    const isLasting = ({ mode }: FamilyKey): boolean => mode === "all";
    const deaths = writers.filter(({ families }) => families.some(isLasting))
      .map(({ id, since }) => [id, since] as const);
    const stays = new Set(retained(deaths, retention, nowSeconds).map(([id]) => id));
    return writers.filter(({ id, families }) => !stays.has(id) || !families.every(isLasting))
      .map((writer) => [writer, stays.has(writer.id)]);
  }

  #result(busy: boolean): RedisRetired {
    return {
      folded: this.#folded,
      families: this.#families,
      busy,
      problems: nameProblems([...this.#problems.values()], this.#options.keyPrefix),
    };
  }
}
