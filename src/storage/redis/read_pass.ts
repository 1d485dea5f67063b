/**
 * Reads all there is at one moment, in one round trip.
 *
 * A pass stands when nothing was added, removed or folded while it ran. The generation says so: it is
 * read first and last. The epoch beside it tells a storage that was emptied meanwhile. The lists of
 * writers and families are read along and compared with those that the data was asked by; the
 * generation alone would not do, since a server that comes back with older data counts it anew.
 *
 * @module
 */
import { type Catalogue, EMPTY_CATALOGUE, isCurrent, listOf, readCatalogue } from "./catalogue.ts";
import type { RedisCommand, RedisConnection } from "./connection.ts";
import { type RedisKeys, RETIRED_WRITER } from "./keys.ts";
import type { PythonSample } from "./python_keys.ts";
import { READ_SCRIPT, readScriptArguments } from "./read_script.ts";
import { readWriterStates, writerKeys, type WriterState } from "./writer_states.ts";

/** What the last read has cost. */
export interface RedisReadStats {
  /** Pipelines and scripts sent. */
  roundTrips: number;
  /** Commands sent. */
  commands: number;
  /** Values read. */
  fields: number;
}

/** The version and, of accumulators, the start of a family; `null` for what is not there. */
export type FamilyMeta = readonly (string | null)[];

/** The replies of one moment. */
export interface Pass {
  /** Random, one for the time until the data is lost; `null` when nothing was written yet. */
  readonly epoch: string | null;
  readonly catalogue: Catalogue;
  /** All listed writers, and those that were asked for. */
  readonly writers: ReadonlyMap<string, WriterState>;
  /** The reply to HGETALL of each family, in the order of the catalogue. */
  readonly data: readonly unknown[];
  /** The replies to HMGET of what is said about families, by their text; not of those known. */
  readonly meta: ReadonlyMap<string, unknown>;
  /** The replies to HMGET `value` `timestamp` of each of Python's samples. */
  readonly python: readonly unknown[];
}

/** What is wanted of a pass, beside all that is listed. */
export interface PassRequest {
  /** The families of which what is said about them is known. */
  readonly known: ReadonlyMap<string, unknown>;
  /** Writers to tell the state of even when they are not listed. */
  readonly writers: readonly string[];
  /** Python's samples. */
  readonly samples: readonly PythonSample[];
}

/** How often a read starts again when the storage changed under it, before everything is read at once. */
const TRIES = 3;

/** Reads again and again. */
export class PassReader {
  /** What the last read has cost. */
  readonly stats: RedisReadStats = { roundTrips: 0, commands: 0, fields: 0 };
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  #catalogue: Catalogue = EMPTY_CATALOGUE;

  constructor(connection: RedisConnection, keys: RedisKeys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** Reads everything. @throws {StorageError} when the server cannot be reached, or refuses */
  async read(request: PassRequest): Promise<Pass> {
    Object.assign(this.stats, { roundTrips: 0, commands: 0, fields: 0 });
    let pass: Pass | undefined;
    for (let i = 0; i < TRIES && pass === undefined; i++) pass = await this.#try(request);
    pass ??= await this.#readAtOnce(request);
    this.stats.fields = pass.python.length;
    for (const reply of pass.data) if (Array.isArray(reply)) this.stats.fields += reply.length / 2;
    return pass;
  }

  /** Reads what the catalogue lists. @returns `undefined` when that is not what is there */
  async #try(request: PassRequest): Promise<Pass | undefined> {
    const { known, samples } = request;
    const keys = this.#keys;
    const catalogue = this.#catalogue;
    const { families } = catalogue;
    const writers = [...new Set([...catalogue.writers.keys(), ...request.writers])];
    // The start of an accumulator moves when an older writer is folded into it.
    const asked = families.filter(({ text, writer }) =>
      writer === RETIRED_WRITER || !known.has(text)
    );
    const states = writers.flatMap((writer) => writerKeys(keys, writer));
    // One key a command: while a cluster moves the keys, it refuses commands for several of them.
    const [generation, epoch, writersReply, familiesReply, ...rest] = await this.#send([
      ["GET", keys.generation],
      ["GET", keys.epoch],
      ["HGETALL", keys.writers],
      ["SMEMBERS", keys.families],
      ...families.map(({ text }) => ["HGETALL", keys.data(text)] as const),
      ...asked.map(({ text }) => ["HMGET", keys.meta(text), "version", "start"] as const),
      ...samples.map(sampleCommand),
      ...states.map((key) => ["GET", key] as const),
      ["GET", keys.epoch],
      ["GET", keys.generation],
    ]);
    const isWhole = generation === rest.pop() && epoch === rest.pop();
    const listed = isCurrent(catalogue, writersReply, familiesReply);
    if (!listed) this.#catalogue = readCatalogue(keys, writersReply, familiesReply);
    if (!listed || !isWhole) return undefined;
    const take = (count: number): readonly unknown[] => rest.splice(0, count);
    const data = take(families.length);
    const meta = take(asked.length);
    const python = take(samples.length);
    return {
      epoch: epoch as string | null,
      catalogue,
      writers: readWriterStates(writers, rest),
      data,
      meta: new Map(asked.map(({ text }, i) => [text, meta[i]])),
      python,
    };
  }

  /** The last resort: a script, during which nothing changes. */
  async #readAtOnce({ writers: asked, samples }: PassRequest): Promise<Pass> {
    this.stats.roundTrips++;
    this.stats.commands++;
    const [keys, args] = readScriptArguments(this.#keys, asked);
    const reply = await this.#connection.run(READ_SCRIPT, keys, args);
    const [epoch, writers, texts, data, meta, ids, states] = reply as [
      epoch: string | null,
      writers: unknown,
      texts: unknown,
      data: unknown[],
      meta: unknown[],
      ids: string[],
      states: unknown[],
    ];
    const catalogue = this.#catalogue = readCatalogue(this.#keys, writers, texts);
    const places = new Map(listOf(this.#keys.families, texts, []).map((text, i) => [text, i]));
    const inOrder = catalogue.families.map(({ text }) => places.get(text) as number);
    return {
      epoch,
      catalogue,
      writers: readWriterStates(ids, states),
      data: inOrder.map((place) => data[place]),
      meta: new Map(catalogue.families.map(({ text }, i) => [text, meta[inOrder[i] as number]])),
      python: await this.#send(samples.map(sampleCommand)),
    };
  }

  async #send(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    if (commands.length === 0) return [];
    this.stats.roundTrips++;
    this.stats.commands += commands.length;
    const replies = await this.#connection.send(commands);
    return replies.map((reply) => {
      if (!(reply instanceof Error)) return reply;
      // Of this one key; it says nothing about the others. As if there were nothing.
      if (reply.message.includes("WRONGTYPE")) return null;
      throw reply;
    });
  }
}

function sampleCommand({ data }: PythonSample): RedisCommand {
  return ["HMGET", data, "value", "timestamp"];
}
