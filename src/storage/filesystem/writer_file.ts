/**
 * The writer file `writer_<id>.lock`: it claims a writer id, and says whether the owner lives.
 *
 * It gets its name by link(2), which fails when the name exists: of several claimants one wins.
 *
 * @module
 */
import { linkSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../core/errors.ts";
import { type ClaimRecord, makeClaim, readClaim } from "./claim_file.ts";
import { parseMetricFileName, parseWriterFileName, writerFileName } from "./file_format.ts";
import { errorCode } from "./file_errors.ts";
import type { FilePrimitives } from "./primitives.ts";

/** What a writer file says, as JSON. */
export interface WriterRecord extends ClaimRecord {
  /** When the writer was opened, seconds since the epoch. */
  readonly startTime: number;
  /** Stands in the header of each of its files. Random, never 0. */
  readonly incarnation: number;
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
  for (;;) {
    const claim = makeClaim(
      directory,
      writerFileName(base),
      primitives,
      { startTime, incarnation },
      (temporary) => linkFirstFree(directory, base, temporary),
    );
    if (claim !== undefined) return { id: claim.linked, incarnation, release: claim.release };
  }
}

/** @returns the id whose name the file got */
function linkFirstFree(directory: string, base: string, temporary: string): string {
  const taken = writerIds(directory);
  for (let n = 1;; n++) {
    const id = n === 1 ? base : `${base}-${n}`;
    if (taken.has(id)) continue;
    try {
      linkSync(temporary, join(directory, writerFileName(id)));
      return id;
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
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
  const { startTime, incarnation, ...record } = readClaim(path);
  if (typeof startTime !== "number" || !Number.isInteger(incarnation)) {
    throw new Error("not a writer file");
  }
  return { ...record, startTime, incarnation: incarnation as number };
}

/** A number for the header of a file. */
export function randomIncarnation(): number {
  const number = new Int32Array(1);
  while (number[0] === 0) crypto.getRandomValues(number);
  return number[0] as number;
}
