/**
 * Moves what a dead writer has into the accumulators.
 *
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { StorageError } from "../../core/errors.ts";
import { withoutHelp } from "../../core/sample_key.ts";
import { FOLDED_TYPES } from "../fold.ts";
import type { RedisCommand, RedisConnection } from "./connection.ts";
import {
  type Field,
  fieldsOf,
  foldFields,
  isSample,
  type TotalFields,
  totalFields,
} from "./fold_fields.ts";
import {
  accumulatorOf,
  FOLD,
  foldArgs,
  foldKeys,
  type FoldPart,
  MAX_CHARS,
  MAX_FIELDS,
} from "./fold_script.ts";
import { type FamilyKey, FORMAT_VERSION, formatFamily, type RedisKeys } from "./keys.ts";
import type { Lease } from "./lease.ts";
import type { Report } from "./writer_list.ts";
import { REMOVE_FAMILIES, REMOVE_WRITER } from "./remove_writer_script.ts";

/** A writer with a tombstone. */
export interface DeadWriter {
  /** Its id. */
  readonly id: string;
  /** When it started, in seconds since the epoch, as text; empty when unknown. */
  readonly start: string;
  /** When it was found dead, in seconds since the epoch. */
  readonly since: number;
  /** What it has. */
  readonly families: readonly FamilyKey[];
}

/** Under which the steps are done. */
export interface RetireContext {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly lease: Lease;
  /** Told what has to stay, and why. */
  readonly report: Report;
}

/** Families that are read in one round trip. */
const READ_AT_ONCE = 50;

/** How often values are read anew that were not what they had been. */
const MAX_TRIES = 3;

/** What was read of a family. */
interface Source {
  readonly family: FamilyKey;
  readonly about: FoldPart["about"];
  /** What can be folded. */
  readonly samples: readonly Field[];
  /** Whether something has to stay. */
  readonly stays: boolean;
}

/** What is known of an accumulator's family. */
interface Total {
  readonly fields: TotalFields;
  /** Series of which something is there that is no sample. */
  readonly refused: ReadonlySet<string>;
  /** Whether it can be added to. */
  readonly usable: boolean;
}

/** Whether values of a family outlive their writer. */
function isFolded({ kind, mode }: FamilyKey): boolean {
  return FOLDED_TYPES.some((type) => type.kind === kind && type.mode === mode);
}

/** Retires one writer after the other. */
export class WriterRetirement {
  readonly #context: RetireContext;
  /** The accumulators, by family: as long as the lease is held nobody else changes them. */
  readonly #totals = new Map<string, Total>();

  constructor(context: RetireContext) {
    this.#context = context;
  }

  /**
   * Folds and removes what a writer has, and the writer when nothing is left.
   *
   * @param kept Whether its gauges of mode `all` stay for now.
   * @returns How many families are gone.
   * @throws {LeaseLost}
   * @throws {StorageError}
   */
  async retire(writer: DeadWriter, kept: boolean): Promise<number> {
    const stays = ({ mode }: FamilyKey): boolean => kept && mode === "all";
    const folded = writer.families.filter(isFolded);
    const dropped = writer.families.filter((family) => !isFolded(family) && !stays(family));
    let gone = await this.#fold(writer, folded);
    gone += await this.#drop(writer, dropped);
    if (gone === writer.families.length) await this.#remove(writer);
    return gone;
  }

  async #fold(writer: DeadWriter, families: readonly FamilyKey[]): Promise<number> {
    if (families.length === 0) return 0;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const sources = await this.#read(families);
      if (await this.#move(writer, sources)) return sources.filter(({ stays }) => !stays).length;
      this.#totals.clear();
    }
    throw this.#changed(writer);
  }

  /** @returns whether the values were still those that had been read */
  async #move(writer: DeadWriter, sources: readonly Source[]): Promise<boolean> {
    let batch: [source: Source, samples: Field[]][] = [];
    let fields = 0;
    let chars = 0;
    const isFull = (): boolean => fields >= MAX_FIELDS || chars >= MAX_CHARS;
    const send = async (): Promise<boolean> => {
      const isDone = batch.length === 0 || await this.#send(writer, batch);
      batch = [];
      fields = chars = 0;
      return isDone;
    };
    for (const source of sources) {
      const { samples, stays } = source;
      if (samples.length === 0 && stays) continue;
      if (isFull() && !await send()) return false;
      let part: Field[] = [];
      batch.push([source, part]);
      // An empty family is work as well.
      if (samples.length === 0) fields++;
      for (const sample of samples) {
        if (isFull()) {
          if (!await send()) return false;
          batch.push([source, part = []]);
        }
        part.push(sample);
        fields++;
        chars += sample.field.length + sample.text.length;
      }
    }
    return await send();
  }

  async #send(
    writer: DeadWriter,
    batch: readonly (readonly [source: Source, samples: readonly Field[]])[],
  ): Promise<boolean> {
    // Whoever runs this, a master for example, has other things to do as well.
    await setImmediate();
    const { keys, lease } = this.#context;
    const parts = batch.map(([{ family, about }, samples]): FoldPart => {
      const totals = this.#totals.get(accumulatorOf(family))?.fields ?? new Map();
      return { family, about, moves: foldFields(family, totals, samples) };
    });
    const reply = await lease.run(
      FOLD,
      foldKeys(keys, writer.id, parts),
      foldArgs(writer.start, parts),
    );
    if (reply !== "ok") return false;
    for (const { family, moves } of parts) {
      const totals = this.#totals.get(accumulatorOf(family))?.fields;
      for (const { field, after } of moves.sets) {
        totals?.set(withoutHelp(field), { field, text: after });
      }
    }
    return true;
  }

  /** Reads families and, where they are not known yet, the accumulators they belong to. */
  async #read(families: readonly FamilyKey[]): Promise<Source[]> {
    const sources: Source[] = [];
    for (let from = 0; from < families.length; from += READ_AT_ONCE) {
      const some = families.slice(from, from + READ_AT_ONCE);
      const unknown = some.map(accumulatorOf).filter((family) => !this.#totals.has(family));
      const replies = await this.#readHashes([...unknown, ...some.map(formatFamily)]);
      unknown.forEach((family, i) => {
        this.#totals.set(family, this.#readTotal(family, replies[i] as HashReply));
      });
      some.forEach((family, i) => {
        const source = this.#readSource(family, replies[unknown.length + i] as HashReply);
        if (source !== undefined) sources.push(source);
      });
    }
    return sources;
  }

  async #readHashes(families: readonly string[]): Promise<HashReply[]> {
    const { connection, keys } = this.#context;
    const replies = await connection.send(families.flatMap((family): RedisCommand[] => [
      ["HGETALL", keys.data(family)],
      ["HMGET", keys.meta(family), "version", "help", "name"],
    ]));
    return families.map((_, i) => ({ data: replies[i * 2], meta: replies[i * 2 + 1] }));
  }

  #readTotal(family: string, reply: HashReply): Total {
    const fields = this.#fields(family, reply);
    const refused: Field[] = [];
    const totals = totalFields(fields ?? [], refused);
    for (const field of refused) this.#refuse(family, field);
    return {
      fields: totals,
      refused: new Set(refused.map(({ field }) => withoutHelp(field))),
      usable: fields !== undefined,
    };
  }

  #readSource(family: FamilyKey, reply: HashReply): Source | undefined {
    const name = formatFamily(family);
    const fields = this.#fields(name, reply);
    const total = this.#totals.get(accumulatorOf(family));
    if (fields === undefined || total?.usable !== true) return undefined;
    const samples: Field[] = [];
    for (const field of fields) {
      if (!isSample(field)) this.#refuse(name, field);
      else if (!total.refused.has(withoutHelp(field.field))) samples.push(field);
    }
    const [, help, title] = reply.meta as readonly (string | null)[];
    return {
      family,
      about: { help: help ?? "", name: title ?? "" },
      samples,
      stays: samples.length < fields.length,
    };
  }

  /** The fields of a family; `undefined` when it is not of our format. */
  #fields(family: string, { data, meta }: HashReply): Field[] | undefined {
    const { report, keys } = this.#context;
    const wrong = [data, meta].find((reply) => !Array.isArray(reply));
    if (wrong !== undefined) {
      const said = wrong instanceof Error ? wrong.message : `the reply is ${typeof wrong}`;
      report(keys.data(family), `Cannot fold family: ${said}`);
      return undefined;
    }
    const version = (meta as readonly (string | null)[])[0] ?? FORMAT_VERSION;
    if (version !== FORMAT_VERSION) {
      const found = JSON.stringify(version.slice(0, 80));
      report(
        keys.data(family),
        `Cannot fold family: it has version ${found}, expected ${JSON.stringify(FORMAT_VERSION)}`,
      );
      return undefined;
    }
    return fieldsOf(data as readonly string[]);
  }

  #refuse(family: string, { field, text }: Field): void {
    const what = `${field.slice(0, 200)}=${text.slice(0, 80)}`;
    this.#context.report(
      this.#context.keys.data(family),
      `Cannot fold field: it is ${JSON.stringify(what)}, expected a sample with a value`,
    );
  }

  async #drop({ id }: DeadWriter, families: readonly FamilyKey[]): Promise<number> {
    const { connection, keys, lease, report } = this.#context;
    let gone = 0;
    for (let from = 0; from < families.length; from += READ_AT_ONCE) {
      const some = families.slice(from, from + READ_AT_ONCE).map(formatFamily);
      const types = await connection.send(some.flatMap((family): RedisCommand[] => [
        ["TYPE", keys.data(family)],
        ["TYPE", keys.meta(family)],
      ]));
      const ours = some.filter((family, i) => {
        const other = [types[i * 2], types[i * 2 + 1]].find((type) =>
          type !== "hash" && type !== "none"
        );
        if (other === undefined) return true;
        report(
          keys.data(family),
          `Cannot remove family: it is ${JSON.stringify(other)}, expected a hash`,
        );
        return false;
      });
      const reply = ours.length === 0 ? "ok" : await lease.run(
        REMOVE_FAMILIES,
        [
          ...[keys.generation, keys.tombstone(id), keys.families],
          ...ours.flatMap((family) => [keys.data(family), keys.meta(family)]),
        ],
        ours,
      );
      if (reply !== "ok") throw this.#changed({ id });
      gone += ours.length;
    }
    return gone;
  }

  async #remove({ id }: DeadWriter): Promise<void> {
    const { keys, lease } = this.#context;
    await lease.run(
      REMOVE_WRITER,
      [keys.generation, keys.tombstone(id), keys.writers, keys.sequence(id)],
      [id],
    );
  }

  #changed({ id }: Pick<DeadWriter, "id">): StorageError {
    return new StorageError(
      `Cannot retire writer ${
        JSON.stringify(id)
      }: its data changes, expected that of a dead writer`,
      id,
    );
  }
}

/** The replies for a family: an error where a key holds something else. */
interface HashReply {
  readonly data: unknown;
  readonly meta: unknown;
}
