/**
 * The writer file `writer_<id>.lock`: it claims a writer id, and says whether the owner lives.
 *
 * It is written and locked under a temporary name and then linked to its own: link(2) fails when
 * the name exists, so of several claimants one wins, and nobody ever sees a writer file that is
 * incomplete or not locked yet.
 *
 * @module
 */
import { linkSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../core/errors.ts";
import {
  FORMAT_VERSION,
  parseMetricFileName,
  parseWriterFileName,
  temporaryName,
  writerFileName,
} from "./file_format.ts";
import { errorCode, removeQuietly } from "./file_errors.ts";
import type { FileLock, FilePrimitives } from "./primitives.ts";
import type { ProcessIdentity } from "./process_identity.ts";

/** What a writer file says, as JSON. */
export interface WriterRecord {
  /** The writer's process. */
  readonly pid: number;
  /** When the process started, in clock ticks since boot; `null` when unknown. */
  readonly startTicks: number | null;
  /** When the writer was opened, seconds since the epoch. */
  readonly startTime: number;
  /** The boot it ran in; `null` when unknown. */
  readonly bootId: string | null;
  /** Inode of its pid namespace; `null` when unknown. */
  readonly pidNamespace: number | null;
  /** Stands in the header of each of its files. Random, never 0. */
  readonly incarnation: number;
  /** {@linkcode FORMAT_VERSION} of the writer. */
  readonly formatVersion: number;
  /** How life is proved: by the lock on this file, or by pid and start time. */
  readonly liveness: "flock" | "pid";
}

/** A writer id that this isolate owns. */
export interface WriterClaim {
  /** The id. */
  readonly id: string;
  /** The incarnation for the header of each of the writer's files. */
  readonly incarnation: number;
  /** Says that the writer has ended. Its files stay, as totals must. */
  release(): void;
}

/** Folded totals of retired writers go by this id. */
export const RETIRED_WRITER = "retired";

/**
 * Claims the first free id of `base`, `base-2`, `base-3`, … An id is not free as long as any file
 * of it is there: neither a live owner's nor a dead one's files may be written to.
 *
 * @param base The id wanted, `<pid>` as a rule.
 * @param startTime Now, seconds since the epoch.
 * @throws {StorageError} When the id cannot be part of a file name.
 * @throws {Error} As of `node:fs`, when the directory cannot be written to.
 */
export function claimWriter(
  directory: string,
  base: string,
  primitives: FilePrimitives,
  startTime: number,
): WriterClaim {
  if (!/^[^/\0]{1,200}$/.test(base) || base === RETIRED_WRITER) {
    throw new StorageError(
      `Cannot use writer id ${JSON.stringify(base)}: it is ${
        base === RETIRED_WRITER ? "reserved" : "not part of a file name"
      }, expected 1 to 200 characters without "/"`,
      directory,
    );
  }
  const incarnation = randomIncarnation();
  const record: WriterRecord = {
    ...describeProcess(primitives.identity),
    startTime,
    incarnation,
    formatVersion: FORMAT_VERSION,
    liveness: primitives.locks === undefined ? "pid" : "flock",
  };
  for (;;) {
    const claimed = tryClaim(directory, base, primitives, record);
    if (claimed !== undefined) return { ...claimed, incarnation };
  }
}

/** One attempt with one temporary file; `undefined` when somebody cleaned that away meanwhile. */
function tryClaim(
  directory: string,
  base: string,
  { locks }: FilePrimitives,
  record: WriterRecord,
): { id: string; release(): void } | undefined {
  const temporary = join(directory, temporaryName(writerFileName(base)));
  writeFileSync(temporary, JSON.stringify(record) + "\n", { flag: "wx", mode: 0o644 });
  let lock: FileLock | undefined;
  try {
    lock = locks?.lock(temporary);
    // A master that cleans up may be looking at the file just now.
    if (locks !== undefined && lock === undefined) return undefined;
    const taken = writerIds(directory);
    for (let n = 1;; n++) {
      const id = n === 1 ? base : `${base}-${n}`;
      if (taken.has(id)) continue;
      try {
        linkSync(temporary, join(directory, writerFileName(id)));
      } catch (error) {
        if (errorCode(error) === "EEXIST") continue;
        throw error;
      }
      const held = lock;
      lock = undefined;
      return { id, release: () => held?.release() };
    }
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  } finally {
    lock?.release();
    removeQuietly(temporary);
  }
}

/** The ids of all writers that have any file in a directory. */
function writerIds(directory: string): Set<string> {
  const ids = new Set<string>();
  for (const name of readdirSync(directory)) {
    const id = parseWriterFileName(name) ?? parseMetricFileName(name)?.writer;
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

/** Reads a writer file. @throws {Error} When it cannot be read or is not one */
export function readWriterRecord(path: string): WriterRecord {
  const record: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isWriterRecord(record)) throw new Error("not a writer file");
  return record;
}

function isWriterRecord(value: unknown): value is WriterRecord {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Record<string, unknown>;
  return Number.isInteger(record.pid) && typeof record.startTime === "number" &&
    Number.isInteger(record.incarnation) && record.formatVersion === FORMAT_VERSION &&
    (record.liveness === "flock" || record.liveness === "pid");
}

/** The part of a record that says which process it is. */
export function describeProcess(
  identity: ProcessIdentity,
): Pick<WriterRecord, "pid" | "startTicks" | "bootId" | "pidNamespace"> {
  const startTicks = identity.startTicks(identity.pid);
  return {
    pid: identity.pid,
    startTicks: typeof startTicks === "number" ? startTicks : null,
    bootId: identity.bootId ?? null,
    pidNamespace: identity.pidNamespace ?? null,
  };
}

/** A number for the header of a file. */
export function randomIncarnation(): number {
  const number = new Int32Array(1);
  while (number[0] === 0) crypto.getRandomValues(number);
  return number[0] as number;
}
