/**
 * Reads an accumulator, and tells whether it is still the one in force.
 *
 * @module
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { SampleSource } from "../../core/storage.ts";
import type { SampleType } from "../fold.ts";
import { type Accumulator, accumulatorName, decodeAccumulator } from "./accumulator_format.ts";
import { errorCode } from "./file_errors.ts";
import { MAX_FILE_BYTES } from "./file_format.ts";
import type { ReadStats } from "./file_reader.ts";
import { RETIRED_WRITER } from "./writer_file.ts";

const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A file that has been read, and is held open. */
export interface HeldAccumulator {
  /** The file's content. */
  readonly content: Accumulator;
  /** The content as the aggregation takes it. */
  readonly source: SampleSource;
  /** Whether a file is among the totals. */
  absorbed(file: { readonly incarnation: number; readonly name: string }): boolean;
  /** Its inode number: no other file gets it before {@linkcode HeldAccumulator.close}. */
  readonly inode: number;
  /** Lets go of the file. */
  close(): void;
}

/**
 * Reads the accumulator of a type.
 *
 * The file is held open: as long as it is, its inode number goes to no other file, so that one look
 * at the name tells whether a newer accumulator has taken its place.
 *
 * @param revision For the source.
 * @returns `undefined` when there is none, or a foreign writer has its name.
 * @throws {Error} When it is damaged or cannot be read.
 */
export function openAccumulator(
  directory: string,
  type: SampleType,
  revision: number,
  stats: ReadStats,
): HeldAccumulator | undefined {
  const name = accumulatorName(type);
  const path = join(directory, name);
  // Before it is opened: opening a fifo or device could block or have an effect.
  if (inodeOf(path) === undefined) return undefined;
  const file = openSync(path, OPEN_FLAGS);
  let held = false;
  try {
    stats.filesOpened++;
    const { ino, size } = fstatSync(file);
    const buffer = readWhole(file, size);
    stats.bytesRead += size;
    // Python leaves 0 there, and may have a process that calls itself so.
    if (new Int32Array(buffer)[1] === 0) return undefined;
    const content = decodeAccumulator(buffer, size);
    stats.keysParsed += content.keys.length;
    const incarnations = new Set(content.absorbed);
    const names = new Set(content.absorbedNames);
    held = true;
    return {
      content,
      source: sourceOf(name, type, content, revision),
      absorbed: (other) =>
        other.incarnation === 0 ? names.has(other.name) : incarnations.has(other.incarnation),
      inode: ino,
      close: () => closeSync(file),
    };
  } finally {
    if (!held) closeSync(file);
  }
}

/**
 * The inode number of a file; `undefined` when it is missing.
 *
 * @throws {Error} When there is something else than a regular file.
 */
export function inodeOf(path: string): number | undefined {
  try {
    // Most are not there, and an error for each of them takes longer than the look itself.
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) return undefined;
    if (!status.isFile()) throw new Error("it is not a regular file");
    return status.ino;
  } catch (error) {
    if (errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function readWhole(file: number, size: number): ArrayBuffer {
  if (size < 8 || size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes`);
  const bytes = new Uint8Array(Math.ceil(size / 8) * 8);
  for (let done = 0; done < size;) {
    const read = readSync(file, bytes, done, size - done, done);
    if (read === 0) throw new Error(`it ends after ${done} of ${size} bytes`);
    done += read;
  }
  return bytes.buffer;
}

function sourceOf(
  name: string,
  { kind, mode }: SampleType,
  { keys, slots, values, layout, startTime, components }: Accumulator,
  revision: number,
): SampleSource {
  return {
    name,
    writer: RETIRED_WRITER,
    kind,
    mode,
    liveness: "dead",
    startTime,
    accumulator: true,
    keys,
    revision,
    values,
    slots,
    hasTimestamps: layout === "timestamp",
    components: new Map(components.map(([entry, ...rest]) => [entry, rest])),
  };
}
