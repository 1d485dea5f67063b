/**
 * The numbers of writers that no master has numbered: each is an office, which one writer at a time
 * has, and which is free again when its process, isolate or thread ends, however it ends.
 *
 * Ids of writers will not do: they have process ids in them, so that labels made of them would grow
 * in number with every restart.
 *
 * @module
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { describeProcess } from "./claim_file.ts";
import { writerFileName } from "./file_format.ts";
import { judgeClaim } from "./liveness.ts";
import { isTaken, officesInUse, prepareOffice, takeOffice } from "./office.ts";
import type { FilePrimitives } from "./primitives.ts";
import { readWriterRecord, type WriterRecord } from "./writer_file.ts";

/** The number of a writer, until it is released. */
export interface WorkerNumber {
  /** From 1; no two writers that live have the same one. */
  readonly number: number;
  /** Whether no other writer of the same process was there before. */
  readonly isFirst: boolean;
  /** Gives the number back. */
  release(): void;
}

/** Numbers beyond are not looked for: a label for each would help nobody. */
const MAX_NUMBER = 1000;

/**
 * Takes the lowest number that is free. Without locks it may be a higher one, when others look for
 * theirs at the same time.
 *
 * @param id The id of the writer, which is open.
 * @throws {Error} As of `node:fs`, when the directory cannot be written to.
 */
export function takeWorkerNumber(
  directory: string,
  id: string,
  primitives: FilePrimitives,
): WorkerNumber {
  const isFirst = isFirstOfProcess(directory, id, primitives);
  // A lock says at once that somebody has a number. Without, each attempt looks at the whole directory.
  const inUse = primitives.locks === undefined ? officesInUse(directory, primitives) : undefined;
  for (let number = 1; number < MAX_NUMBER; number++) {
    const office = `worker_${number}` as const;
    if (inUse?.has(office)) continue;
    prepareOffice(directory, office);
    const taken = takeOffice(directory, office, primitives);
    if (isTaken(taken)) return { number, isFirst, release: () => taken.release() };
  }
  return { number: MAX_NUMBER, isFirst, release() {} };
}

/** Whether no live writer of the same process has an id that was claimed before this one. */
function isFirstOfProcess(directory: string, id: string, primitives: FilePrimitives): boolean {
  const { base, ordinal } = ordinalOf(id);
  const self = describeProcess(primitives.identity);
  for (let n = 1; n < ordinal; n++) {
    const path = join(directory, writerFileName(n === 1 ? base : `${base}-${n}`));
    try {
      // Ids come again with process ids, and other containers have the same ones.
      const record = readWriterRecord(path);
      if (!isSameProcess(record, self)) continue;
      if (judgeClaim(path, record, lstatSync(path).ino, primitives) !== "dead") return false;
    } catch {
      // Retired as a rule; what cannot be read is none of this process.
    }
  }
  return true;
}

/** What is not known of a process is no difference. */
function isSameProcess(
  record: WriterRecord,
  self: ReturnType<typeof describeProcess>,
): boolean {
  return (["pid", "startTicks", "bootId", "pidNamespace"] as const).every((key) =>
    record[key] === null || self[key] === null || record[key] === self[key]
  );
}

/** `123-2` is the second writer of process 123. */
function ordinalOf(id: string): { base: string; ordinal: number } {
  const [, base, ordinal] = /^(.+?)(?:-(\d{1,9}))?$/s.exec(id) as unknown as [
    string,
    string,
    string?,
  ];
  return { base, ordinal: ordinal === undefined ? 1 : Number(ordinal) };
}
