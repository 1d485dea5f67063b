/**
 * The reader of the filesystem driver: every metric file of a directory, ours and Python's.
 *
 * @module
 */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { StorageError } from "../../core/errors.ts";
import type { Liveness, ReadProblem, Snapshot, StorageReader } from "../../core/storage.ts";
import { accumulatorName } from "./accumulator_format.ts";
import { AccumulatorSet } from "./accumulator_set.ts";
import { errorCode, errorText, isPassing } from "./file_errors.ts";
import { parseMetricFileName } from "./file_format.ts";
import { FileReader, type ReadStats } from "./file_reader.ts";
import { type WriterState, WriterWatch } from "./liveness.ts";
import type { FilePrimitives } from "./primitives.ts";
import { tryLockRetiring } from "./retire_lock.ts";

/** What {@linkcode openFilesystemReader} reads. */
export interface FilesystemReaderOptions {
  /** The directory of the metric files; it may be missing for the time being. */
  readonly directory: string;
  /** What the runtime brings. */
  readonly primitives: FilePrimitives;
}

/** A storage reader on files. */
export interface FilesystemReader extends StorageReader {
  /** The directory of the metric files. */
  readonly directory: string;
  /** What reading has cost so far. */
  readonly stats: Readonly<ReadStats>;
}

/**
 * Opens a reader on a directory that others write. Nothing is locked for longer than a look. Only where
 * files go missing all the time does it keep others from retiring writers meanwhile, if it may write.
 *
 * Permission: read for the directory.
 */
export function openFilesystemReader(options: FilesystemReaderOptions): FilesystemReader {
  return new Reader(options.directory, options.primitives);
}

/** How often a read starts again at once when files were retired under it. */
const QUICK_TRIES = 5;
/** How long it goes on after that, and in which steps, in milliseconds. */
const DEADLINE_MS = 2000;
const RETRY_MS = 5;

class Reader implements FilesystemReader {
  readonly directory: string;
  readonly stats: ReadStats = { filesOpened: 0, bytesRead: 0, keysParsed: 0 };
  readonly #primitives: FilePrimitives;
  readonly #watch: WriterWatch;
  readonly #accumulators: AccumulatorSet;
  #files = new Map<string, FileReader>();
  #names: string[] = [];
  #revision = 0;
  #last: Snapshot | undefined;

  constructor(directory: string, primitives: FilePrimitives) {
    this.directory = directory;
    this.#primitives = primitives;
    this.#watch = new WriterWatch(directory, primitives);
    this.#accumulators = new AccumulatorSet(directory, this.stats);
  }

  /**
   * Reads until a pass was not disturbed: one in which no accumulator was replaced and no file went
   * missing has counted each file either as itself or in an accumulator.
   */
  async read(): Promise<Snapshot> {
    let snapshot: Snapshot | undefined;
    for (let i = 0; i < QUICK_TRIES && snapshot === undefined; i++) snapshot = this.#pass(false);
    const deadline = performance.now() + DEADLINE_MS;
    while (snapshot === undefined) {
      const lock = tryLockRetiring(this.directory, this.#primitives);
      try {
        snapshot = this.#pass(lock !== undefined);
      } finally {
        lock?.release();
      }
      if (snapshot !== undefined) break;
      if (performance.now() > deadline) return this.#giveUp();
      await setTimeout(RETRY_MS);
    }
    return this.#last = snapshot;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#files.clear();
    this.#accumulators.close();
    return Promise.resolve();
  }

  /**
   * Reads everything once.
   *
   * @param quiet Whether nobody retires writers meanwhile: then the result stands.
   * @returns `undefined` when it has to be done again.
   */
  #pass(quiet: boolean): Snapshot | undefined {
    const problems: ReadProblem[] = [];
    const failed = this.#accumulators.load(problems);
    // Totals would fall, and rise again with the next read.
    if (failed && this.#last !== undefined) return { ...this.#last, problems };
    const names = this.#list(problems);
    const writers = this.#watch.look(names, problems);
    const files = new Map<string, FileReader>();
    let whole = true;
    for (const name of names) {
      if (!name.endsWith(".db") || this.#accumulators.has(name)) continue;
      const before = this.#files.get(name);
      try {
        files.set(name, this.#readFile(name, before));
      } catch (error) {
        if (errorCode(error) === "ENOENT") {
          whole = false; // removed since the directory was listed
          continue;
        }
        problems.push({ source: name, message: `Cannot read metric file: ${errorText(error)}` });
        // As above: the values of the last read stay.
        if (before !== undefined && isPassing(error)) files.set(name, before);
      }
    }
    this.#files = files;
    // In this order: what was set aside and folded before the second list is in an accumulator by then.
    if (!quiet && !(whole && !this.#hasGrown(names) && this.#accumulators.isCurrent())) {
      return undefined;
    }
    const counted = [...files.values()].filter((file) => !this.#isAbsorbed(file));
    for (const file of counted) {
      judge(file, writers);
      for (const problem of file.problems) problems.push(problem);
    }
    const sources = [...counted, ...this.#accumulators.sources];
    return {
      sources: sources.sort((a, b) => a.name < b.name ? -1 : 1),
      writers: countWriters(writers, counted),
      problems,
    };
  }

  #isAbsorbed(file: FileReader): boolean {
    return this.#accumulators.get(accumulatorName(file))?.absorbed(file) ?? false;
  }

  /**
   * Whether there are metric files that a list has not: a list made while a foreign file is set aside,
   * or put back because somebody opened it, may have neither of its names.
   */
  #hasGrown(names: readonly string[]): boolean {
    const before = new Set(names);
    return this.#list([]).some((name) => name.endsWith(".db") && !before.has(name));
  }

  /** Says what was said last rather than something wrong. */
  #giveUp(): Snapshot {
    const message =
      `Cannot read directory ${JSON.stringify(this.directory)}: files go missing all ` +
      "the time, expected some quiet";
    if (this.#last === undefined) throw new StorageError(message, this.directory);
    return { ...this.#last, problems: [{ source: this.directory, message }] };
  }

  #list(problems: ReadProblem[]): string[] {
    try {
      return this.#names = readdirSync(this.directory).sort();
    } catch (error) {
      const message = `Cannot read directory ${JSON.stringify(this.directory)}: ` +
        `${errorText(error)}, expected the directory of the metric files`;
      // One line for all that is in it.
      problems.splice(0, problems.length, { source: this.directory, message });
      return isPassing(error) ? this.#names : [];
    }
  }

  #readFile(name: string, before: FileReader | undefined): FileReader {
    const path = join(this.directory, name);
    // Before it is opened: opening a fifo or device could block or have an effect.
    const status = lstatSync(path);
    if (!status.isFile()) throw new Error("it is not a regular file");
    if (before?.isSameFile(status) && before.refresh(path, this.stats)) return before;
    const fileName = parseMetricFileName(name);
    if (fileName === undefined) {
      throw new Error('its name is not "<type>_<writer>.db" or "gauge_<mode>_<writer>.db"');
    }
    const file = new FileReader(name, fileName, status, ++this.#revision);
    file.refresh(path, this.stats);
    return file;
  }
}

/** A file belongs to the writer file of its id when both have the same incarnation. */
function judge(file: FileReader, writers: ReadonlyMap<string, WriterState>): void {
  const state = writers.get(file.writer);
  const isOwn = state !== undefined && state.record.incarnation === file.incarnation;
  file.liveness = isOwn ? state.liveness : "unknown";
  file.startTime = isOwn ? state.record.startTime : Infinity;
}

function countWriters(
  writers: ReadonlyMap<string, WriterState>,
  files: Iterable<FileReader>,
): Record<Liveness, number> {
  const counts = { live: 0, dead: 0, unknown: 0 };
  for (const { liveness } of writers.values()) counts[liveness]++;
  const foreign = new Set<string>();
  for (const { writer } of files) if (!writers.has(writer)) foreign.add(writer);
  counts.unknown += foreign.size;
  return counts;
}
