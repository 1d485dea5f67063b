/**
 * Finds the metric files of a directory that nobody writes to any more.
 *
 * @module
 */
import { join } from "node:path";
import type { AccumulatorSet } from "./accumulator_set.ts";
import { accumulatorName } from "./accumulator_format.ts";
import { errorCode } from "./file_errors.ts";
import { type FileName, parseMetricFileName } from "./file_format.ts";
import { readIncarnation } from "./file_header.ts";
import type { WriterState } from "./liveness.ts";
import type { FilePrimitives } from "./primitives.ts";
import { isAbandoned } from "./retire_foreign.ts";

/** A metric file of a writer that is dead. */
export interface DeadFile {
  /** The file name. */
  readonly name: string;
  /** What the name says. */
  readonly parsed: FileName;
  /** 0 in files of Python's client. */
  readonly incarnation: number;
  /** When the writer started, seconds since the epoch; `Infinity` when unknown. */
  readonly startTime: number;
  /** Whether it is in the accumulator of its type already. */
  readonly absorbed: boolean;
}

/** Where to look. */
export interface FindOptions {
  /** The directory of the metric files. */
  readonly directory: string;
  /** The names in it. */
  readonly names: readonly string[];
  /** The writers, by id. */
  readonly writers: ReadonlyMap<string, WriterState>;
  /** The accumulators, loaded. */
  readonly accumulators: AccumulatorSet;
  /** Set when files of Python's client are looked at as well. */
  readonly foreign: FilePrimitives | undefined;
}

/** What was found. */
export interface FoundFiles {
  /** The files. */
  readonly files: readonly DeadFile[];
  /** Whether every metric file could be looked at. */
  readonly complete: boolean;
}

/** Finds all metric files whose writer is known to be dead, and all that have been absorbed. */
export function findDeadFiles(options: FindOptions): FoundFiles {
  const files: DeadFile[] = [];
  let complete = true;
  for (const name of options.names) {
    const parsed = parseMetricFileName(name);
    if (parsed === undefined || options.accumulators.has(name)) continue;
    try {
      const file = judge(name, parsed, options);
      if (file !== undefined) files.push(file);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") complete = false; // the reader of pages reports it
    }
  }
  return { files, complete };
}

function judge(name: string, parsed: FileName, options: FindOptions): DeadFile | undefined {
  const { directory, writers, accumulators, foreign } = options;
  const path = join(directory, name);
  const incarnation = readIncarnation(path);
  const absorbed = accumulators.get(accumulatorName(parsed))?.absorbed({ name, incarnation }) ??
    false;
  const state = writers.get(parsed.writer);
  const isOwn = state !== undefined && incarnation !== 0 &&
    state.record.incarnation === incarnation;
  const isDead = isOwn
    ? state.liveness === "dead"
    : incarnation === 0 && foreign !== undefined && isAbandoned(path, foreign);
  if (!absorbed && !isDead) return undefined;
  return {
    name,
    parsed,
    incarnation,
    startTime: isOwn ? state.record.startTime : Infinity,
    absorbed,
  };
}
