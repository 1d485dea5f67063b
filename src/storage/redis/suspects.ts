/**
 * Finds the writers that are dead, and sees to it that they stay so.
 *
 * @module
 */
import { incarnationOf } from "./keys.ts";
import type { DeadWriter, RetireContext } from "./retire_writer.ts";
import { TOMBSTONE } from "./tombstone_script.ts";
import { type ListedWriter, listFamilies } from "./writer_list.ts";

/** Whom a pass takes for dead. */
export interface Judgement {
  /** Whether silence is a proof. */
  readonly bySilence: boolean;
  /** Incarnations that have ended for certain. */
  readonly ended: readonly string[];
}

/** Whether a writer is dead, or seems to be. */
export function isSuspect(
  { id, isAlive, tombstone }: ListedWriter,
  { bySilence, ended }: Judgement,
): boolean {
  return tombstone !== undefined || bySilence && !isAlive || hasEnded(id, ended);
}

/**
 * Gives tombstones to those that have none.
 *
 * @param lifeMs How long a tombstone stays, in milliseconds.
 * @param stop Ends it early: the others are left to the next pass.
 * @returns Those that are dead, with everything they have: none of them can add to it any more.
 * @throws {LeaseLost}
 * @throws {StorageError}
 */
export async function bury(
  { connection, keys, lease, report }: RetireContext,
  suspects: readonly ListedWriter[],
  ended: readonly string[],
  lifeMs: number,
  stop: AbortSignal,
): Promise<DeadWriter[]> {
  const tombstones = new Map<ListedWriter, string>();
  for (const suspect of suspects) {
    if (stop.aborted) break;
    const { id, tombstone } = suspect;
    const reply = tombstone ?? await lease.run(
      TOMBSTONE,
      [keys.generation, keys.alive(id), keys.sequence(id), keys.tombstone(id)],
      [String(lifeMs), hasEnded(id, ended) ? "1" : ""],
    );
    if (reply === "alive") continue; // it has come back meanwhile
    if (reply === "type") {
      report(keys.tombstone(id), "Cannot retire writer: the key holds another type, expected text");
    } else tombstones.set(suspect, String(reply));
  }
  // Before its tombstone, one that was just about to die may have made more.
  const families = await listFamilies(connection, keys);
  return [...tombstones].map(([{ id, start }, tombstone]) => ({
    id,
    start,
    since: deathOf(tombstone),
    families: families.get(id) ?? [],
  }));
}

/** When the writer of a tombstone was found dead, in seconds since the epoch; Infinity when unknown. */
export function deathOf(tombstone: string): number {
  const time = Number(tombstone.split(" ")[1]);
  return Number.isFinite(time) ? time / 1000 : Infinity;
}

/** Whether a writer is of a process that has ended: a writer that was refused has a number at its end. */
function hasEnded(id: string, incarnations: readonly string[]): boolean {
  const incarnation = incarnationOf(id);
  return incarnations.some((ended) =>
    incarnation === ended ||
    incarnation.startsWith(`${ended}-`) && /^\d+$/.test(incarnation.slice(ended.length + 1))
  );
}
