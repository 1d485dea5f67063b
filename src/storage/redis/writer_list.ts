/**
 * Who has data under a prefix, and whether it lives.
 *
 * @module
 */
import { expectReplies, type RedisCommand, type RedisConnection } from "./connection.ts";
import {
  type FamilyKey,
  formatFamily,
  parseFamily,
  type RedisKeys,
  RETIRED_WRITER,
} from "./keys.ts";
import { shown } from "./redis_source.ts";

/** A writer, as the server knows it. */
export interface ListedWriter {
  /** Its id. */
  readonly id: string;
  /** When it started, in seconds since the epoch, as text; empty when unknown. */
  readonly start: string;
  /** Whether it has shown a sign of life. */
  readonly isAlive: boolean;
  /** The text of its tombstone. */
  readonly tombstone: string | undefined;
  /** What it has. */
  readonly families: readonly FamilyKey[];
}

/** All there is. */
export interface WriterList {
  /** The generation, empty when there is none. */
  readonly generation: string;
  /** The epoch, empty when there is none. */
  readonly epoch: string;
  /** All writers, those of which only families are known as well. */
  readonly writers: readonly ListedWriter[];
  /** The texts of all families, accumulators included. */
  readonly families: readonly string[];
  /** The server's clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Told what cannot be used. */
export type Report = (source: string, message: string) => void;

/** Keys that are asked for in one command. */
const ASK_AT_ONCE = 1000;

/** Reads the list. @throws {StorageError} */
export async function listWriters(
  connection: RedisConnection,
  keys: RedisKeys,
  report: Report = () => {},
): Promise<WriterList> {
  const [state, writersReply, familiesReply, time] = expectReplies(
    await connection.send([
      ["MGET", keys.generation, keys.epoch],
      ["HGETALL", keys.writers],
      ["SMEMBERS", keys.families],
      ["TIME"],
    ]),
  ) as [(string | null)[], string[], string[], [seconds: string, micros: string]];
  const starts = new Map<string, string>();
  for (let i = 0; i + 1 < writersReply.length; i += 2) {
    starts.set(writersReply[i] as string, writersReply[i + 1] as string);
  }
  const found = parseFamilies(familiesReply, keys, report);
  const families = byWriter(found);
  families.delete(RETIRED_WRITER);
  const ids = [...new Set([...starts.keys(), ...families.keys()])].filter((id) => {
    const isWriter = id !== RETIRED_WRITER && isPlain(id);
    if (!isWriter) report(keys.writers, `Cannot retire writer: its id is ${shown(id)}`);
    return isWriter;
  }).sort();
  const texts = await ask(connection, ids.flatMap((id) => [keys.alive(id), keys.tombstone(id)]));
  return {
    generation: state[0] ?? "",
    epoch: state[1] ?? "",
    writers: ids.map((id, i) => ({
      id,
      start: startText(starts.get(id)),
      isAlive: texts[i * 2] !== undefined,
      tombstone: texts[i * 2 + 1],
      families: families.get(id) ?? [],
    })),
    families: found.map(formatFamily),
    nowMs: Number(time[0]) * 1000 + Number(time[1]) / 1000,
  };
}

/** The families in the set of them. @param report Told of what is none */
function parseFamilies(texts: readonly string[], keys: RedisKeys, report: Report): FamilyKey[] {
  return texts.toSorted().flatMap((text) => {
    const family = parseFamily(text);
    if (family !== undefined && isPlain(text)) return [family];
    const what = `it is ${shown(text)}, expected type, writer and hash`;
    report(keys.families, `Cannot retire family: ${what}`);
    return [];
  });
}

/** Reads what a writer has now. @throws {StorageError} */
export async function listFamilies(
  connection: RedisConnection,
  keys: RedisKeys,
): Promise<ReadonlyMap<string, readonly FamilyKey[]>> {
  const [reply] = expectReplies(await connection.send([["SMEMBERS", keys.families]]));
  return byWriter(parseFamilies(reply as string[], keys, () => {}));
}

/** Node 20 has no `Map.groupBy`. */
function byWriter(families: readonly FamilyKey[]): Map<string, FamilyKey[]> {
  const groups = new Map<string, FamilyKey[]>();
  for (const family of families) {
    const group = groups.get(family.writer);
    if (group === undefined) groups.set(family.writer, [family]);
    else group.push(family);
  }
  return groups;
}

/** What is not UTF-8 was decoded to U+FFFD: the server would not find it by this text. */
export function isPlain(text: string): boolean {
  return !text.includes("\ufffd");
}

/** What keys hold: `undefined` for those that are not there or hold something else. */
async function ask(
  connection: RedisConnection,
  keys: readonly string[],
): Promise<(string | undefined)[]> {
  const commands: RedisCommand[] = [];
  for (let from = 0; from < keys.length; from += ASK_AT_ONCE) {
    commands.push(["MGET", ...keys.slice(from, from + ASK_AT_ONCE)]);
  }
  const replies = expectReplies(await connection.send(commands)) as (string | null)[][];
  return replies.flat().map((text) => text ?? undefined);
}

/** A text that scripts take for the same number as this program. */
function startText(text = ""): string {
  const start = Number(text);
  return text.trim() === "" || !Number.isFinite(start) ? "" : String(start);
}
