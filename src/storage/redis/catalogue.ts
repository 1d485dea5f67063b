/**
 * What there is to read: the writers and the families, as the server lists them.
 *
 * @module
 */
import type { ReadProblem } from "../../core/storage.ts";
import { type FamilyKey, isWriterId, parseFamily, type RedisKeys, RETIRED_WRITER } from "./keys.ts";
import { shown } from "./redis_source.ts";

/** A family that is listed. */
export interface CatalogueFamily extends FamilyKey {
  /** Its text in the list. */
  readonly text: string;
  /** The source it is part of: `<type>:<writer>`. */
  readonly source: string;
}

/** The lists, understood. */
export interface Catalogue {
  /** All writers, those that only a family names too, with the time they started, in seconds. */
  readonly writers: ReadonlyMap<string, number>;
  /** All families, ordered by text. */
  readonly families: readonly CatalogueFamily[];
  /** Entries that are left out. */
  readonly problems: readonly ReadProblem[];
  /** The replies it was made of. */
  readonly replies: readonly [writers: unknown, families: unknown];
}

/** How many entries of a list are named that are left out of it. */
const MOST_NAMED = 10;

/** The catalogue before anything was read. */
export const EMPTY_CATALOGUE: Catalogue = {
  writers: new Map(),
  families: [],
  problems: [],
  replies: [[], []],
};

/**
 * Understands the lists.
 *
 * @param keys The names of the keys, for messages.
 * @param writers The reply to HGETALL.
 * @param families The reply to SMEMBERS.
 */
export function readCatalogue(keys: RedisKeys, writers: unknown, families: unknown): Catalogue {
  const problems: ReadProblem[] = [];
  const known = new Map<string, number>();
  const strangers: string[] = [];
  const starts = listOf(keys.writers, writers, problems);
  for (let i = 0; i + 1 < starts.length; i += 2) {
    const writer = starts[i] as string;
    const start = Number(starts[i + 1]);
    if (isWriterId(writer)) known.set(writer, start > 0 ? start : Infinity);
    else strangers.push(writer);
  }
  name(keys.writers, "no writer's id", strangers, problems);
  const found: CatalogueFamily[] = [];
  const garbage: string[] = [];
  for (const text of listOf(keys.families, families, problems)) {
    const family = parseFamily(text);
    if (family === undefined) {
      garbage.push(text);
      continue;
    }
    found.push({ ...family, text, source: text.slice(0, text.lastIndexOf(":")) });
    const { writer } = family;
    if (writer !== RETIRED_WRITER && !known.has(writer)) known.set(writer, Infinity);
  }
  name(keys.families, "no family", garbage, problems);
  return {
    writers: known,
    families: found.sort((a, b) => a.text < b.text ? -1 : 1),
    problems,
    replies: [writers, families],
  };
}

/** Names entries of a list that are left out, one by one unless they are many. */
function name(
  source: string,
  what: string,
  texts: readonly string[],
  problems: ReadProblem[],
): void {
  for (const text of texts.slice(0, MOST_NAMED)) {
    problems.push({ source, message: `${shown(text)} is ${what}` });
  }
  const more = texts.length - MOST_NAMED;
  if (more > 0) problems.push({ source, message: `${more} more entries are ${what}` });
}

/** Whether the lists are those that a catalogue was made of. */
export function isCurrent(catalogue: Catalogue, writers: unknown, families: unknown): boolean {
  return isSameList(catalogue.replies[0], writers) && isSameList(catalogue.replies[1], families);
}

function isSameList(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return !Array.isArray(a) && !Array.isArray(b);
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

/** The texts in a reply; none, and a problem, when the key holds something else than it should. */
export function listOf(key: string, reply: unknown, problems: ReadProblem[]): readonly string[] {
  if (Array.isArray(reply)) return reply as string[];
  problems.push({ source: key, message: "It holds a value of another type" });
  return [];
}
