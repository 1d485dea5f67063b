/**
 * Since when the writers are dead whose gauges stay for a while.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { retained, type Retention } from "../retention.ts";
import type { FileOperations } from "./file_operations.ts";
import { RETIRE_FILE } from "./retire_lock.ts";

/** When writers were found dead, in seconds since the epoch, by a text that stands for the writer. */
type Deaths = Record<string, number>;

/**
 * Selects what has to go, and notes when what stays was first found dead. The note stands in the file
 * that is locked; when it is lost, the time begins anew.
 *
 * @param ids What stands for each dead writer with such gauges.
 * @param now Seconds since the epoch.
 * @returns The ids of those to be dropped.
 */
export function expired(
  directory: string,
  ids: readonly string[],
  retention: Retention,
  now: number,
  operations: FileOperations,
): ReadonlySet<string> {
  const path = join(directory, RETIRE_FILE);
  const before = readDeaths(path);
  const kept = retained(ids.map((id) => [id, before[id] ?? now]), retention, now);
  const after = JSON.stringify({ dead: Object.fromEntries(kept) });
  if (after !== JSON.stringify({ dead: before })) noteQuietly(path, `${after}\n`, operations);
  const stays = new Set(kept.map(([id]) => id));
  return new Set(ids.filter((id) => !stays.has(id)));
}

/** On a full disk it is all the more important that files are folded. */
function noteQuietly(path: string, text: string, operations: FileOperations): void {
  try {
    operations.note(path, text);
  } catch {
    // The time begins anew.
  }
}

function readDeaths(path: string): Deaths {
  try {
    const { dead } = JSON.parse(readFileSync(path, "utf8")) as { dead?: unknown };
    const entries = Object.entries(dead ?? {}).filter(([, since]) => typeof since === "number");
    return Object.fromEntries(entries) as Deaths;
  } catch {
    return {}; // never written, or the process was stopped while it wrote
  }
}
