/**
 * Finds the writers that are dead, and sees to it that they stay so.
 *
 * @module
 */
import { expectReplies, type RedisCommand } from "./connection.ts";
import {
  type FamilyKey,
  formatFamily,
  incarnationOf,
  parseFamily,
  type RedisKeys,
  RETIRED_WRITER,
} from "./keys.ts";
import type { RetireContext } from "./retire_writer.ts";
import { TOMBSTONE } from "./tombstone_script.ts";

/** A writer that is dead or seems to be. */
export interface Suspect {
  /** Its id. */
  readonly id: string;
  /** When it started, in seconds since the epoch, as text; empty when unknown. */
  readonly start: string;
  /** When it was found dead, in seconds since the epoch; `undefined` before it has a tombstone. */
  readonly since: number | undefined;
  /** What it has. */
  readonly families: readonly FamilyKey[];
}

/** What was found. */
export interface Suspects {
  /** The writers. */
  readonly suspects: readonly Suspect[];
  /** The server's clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Tombstones live this long at least: a writer that was stopped comes back some time. */
const TOMBSTONE_MS = 24 * 3600 * 1000;

/** Keys that are asked for in one command. */
const ASK_AT_ONCE = 1000;

/** Whether something is to be done about a writer. @param kept Whose gauges of mode `all` stay */
export function isDue({ id, since, families }: Suspect, kept: ReadonlySet<string>): boolean {
  return since === undefined || !kept.has(id) || families.some(({ mode }) => mode !== "all");
}

/** Looks who might be dead. */
export async function lookForDead(
  context: Pick<RetireContext, "connection" | "keys" | "report">,
  { bySilence, ended }: { readonly bySilence: boolean; readonly ended: readonly string[] },
): Promise<Suspects> {
  const { connection, keys, report } = context;
  const [writersReply, familiesReply, timeReply] = expectReplies(
    await connection.send([["HGETALL", keys.writers], ["SMEMBERS", keys.families], ["TIME"]]),
  ) as [string[], string[], [string, string]];
  const starts = new Map<string, string>();
  for (let i = 0; i + 1 < writersReply.length; i += 2) {
    starts.set(writersReply[i] as string, writersReply[i + 1] as string);
  }
  const families = familiesByWriter(familiesReply, keys, report);
  // A writer whose entry was lost has its families still.
  const ids = [...new Set([...starts.keys(), ...families.keys()])].filter((id) => {
    const isWriter = id !== RETIRED_WRITER && !id.includes("\ufffd");
    if (!isWriter) report(keys.writers, `Cannot retire writer: its id is ${JSON.stringify(id)}`);
    return isWriter;
  }).sort();
  const [alive, tombstones] = await Promise.all([
    ask(context, ids.map(keys.alive)),
    ask(context, ids.map(keys.tombstone)),
  ]);
  const suspects = ids.flatMap((id, i): Suspect[] => {
    const tombstone = tombstones[i] ?? undefined;
    const isSuspect = tombstone !== undefined || hasEnded(id, ended) ||
      bySilence && (alive[i] ?? undefined) === undefined;
    if (!isSuspect) return [];
    return [{
      id,
      start: startText(starts.get(id)),
      since: timeOf(tombstone),
      families: families.get(id) ?? [],
    }];
  });
  const [seconds, micros] = timeReply;
  return { suspects, nowMs: Number(seconds) * 1000 + Number(micros) / 1000 };
}

/**
 * Gives tombstones to those that have none.
 *
 * @returns Those that are dead, with everything they have: none of them can add to it any more.
 * @throws {LeaseLost}
 * @throws {StorageError}
 */
export async function bury(
  { connection, keys, lease, dataLifeMs, report }: RetireContext,
  suspects: readonly Suspect[],
  ended: readonly string[],
): Promise<Suspect[]> {
  const lifeMs = dataLifeMs === 0 ? TOMBSTONE_MS : Math.max(dataLifeMs, TOMBSTONE_MS);
  const dead: Suspect[] = [];
  for (const suspect of suspects) {
    const { id, since } = suspect;
    if (since !== undefined) {
      dead.push(suspect);
      continue;
    }
    const reply = await lease.run(
      TOMBSTONE,
      [keys.lease, keys.generation, keys.alive(id), keys.sequence(id), keys.tombstone(id)],
      [String(lifeMs), String(dataLifeMs), hasEnded(id, ended) ? "1" : ""],
    );
    if (reply === "alive") continue; // it has come back meanwhile
    if (reply === "type") {
      report(
        keys.tombstone(id),
        "Cannot retire writer: the key holds no text, expected a tombstone",
      );
    } else dead.push({ ...suspect, since: timeOf(String(reply)) });
  }
  // Before its tombstone, one that was just about to die may have made more.
  const [reply] = expectReplies(await connection.send([["SMEMBERS", keys.families]]));
  const families = familiesByWriter(reply as string[], keys, () => {});
  return dead.map((suspect) => ({ ...suspect, families: families.get(suspect.id) ?? [] }));
}

function familiesByWriter(
  texts: readonly string[],
  keys: RedisKeys,
  report: RetireContext["report"],
): Map<string, FamilyKey[]> {
  const families = new Map<string, FamilyKey[]>();
  for (const text of texts.toSorted()) {
    const family = parseFamily(text);
    if (family === undefined || formatFamily(family) !== text || text.includes("\ufffd")) {
      const shown = JSON.stringify(text.slice(0, 200));
      report(keys.families, `Cannot retire family: it is ${shown}, expected type, writer and hash`);
      continue;
    }
    if (family.writer === RETIRED_WRITER) continue;
    const own = families.get(family.writer);
    if (own === undefined) families.set(family.writer, [family]);
    else own.push(family);
  }
  return families;
}

/** What keys hold: `null` for those that are not there or hold something else. */
async function ask(
  { connection }: Pick<RetireContext, "connection">,
  keys: readonly string[],
): Promise<(string | null)[]> {
  const commands: RedisCommand[] = [];
  for (let from = 0; from < keys.length; from += ASK_AT_ONCE) {
    commands.push(["MGET", ...keys.slice(from, from + ASK_AT_ONCE)]);
  }
  const replies = expectReplies(await connection.send(commands)) as (string | null)[][];
  return replies.flat();
}

/** Whether a writer is of a process that has ended: a writer that was refused has a number at its end. */
function hasEnded(id: string, incarnations: readonly string[]): boolean {
  const incarnation = incarnationOf(id);
  return incarnations.some((ended) =>
    incarnation === ended ||
    incarnation.startsWith(`${ended}-`) && /^\d+$/.test(incarnation.slice(ended.length + 1))
  );
}

/** A text that scripts take for the same number as this program. */
function startText(text = ""): string {
  const start = Number(text);
  return text.trim() === "" || !Number.isFinite(start) ? "" : String(start);
}

/** When the writer of a tombstone was found dead; `undefined` when there is none that can be read. */
function timeOf(tombstone: string | undefined): number | undefined {
  const time = Number(tombstone?.split(" ")[1]);
  return Number.isFinite(time) ? time / 1000 : undefined;
}
