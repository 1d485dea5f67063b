/**
 * The reader of the filesystem driver: every metric file of a directory, ours and Python's.
 *
 * @module
 */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Liveness, ReadProblem, Snapshot, StorageReader } from "../../core/storage.ts";
import { errorCode, errorText, isPassing } from "./file_errors.ts";
import { parseMetricFileName } from "./file_format.ts";
import { FileReader, type ReadStats } from "./file_reader.ts";
import { type WriterState, WriterWatch } from "./liveness.ts";
import type { FilePrimitives } from "./primitives.ts";

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
 * Opens a reader on a directory that others write. Nothing is locked for longer than a look, and
 * nothing is written.
 *
 * Permission: read for the directory.
 */
export function openFilesystemReader(options: FilesystemReaderOptions): FilesystemReader {
  return new Reader(options.directory, options.primitives);
}

class Reader implements FilesystemReader {
  readonly directory: string;
  readonly stats: ReadStats = { filesOpened: 0, bytesRead: 0, keysParsed: 0 };
  readonly #watch: WriterWatch;
  #files = new Map<string, FileReader>();
  #names: string[] = [];
  #revision = 0;

  constructor(directory: string, primitives: FilePrimitives) {
    this.directory = directory;
    this.#watch = new WriterWatch(directory, primitives);
  }

  read(): Promise<Snapshot> {
    const problems: ReadProblem[] = [];
    const names = this.#list(problems);
    const writers = this.#watch.look(names, problems);
    const files = new Map<string, FileReader>();
    for (const name of names) {
      if (!name.endsWith(".db")) continue;
      const before = this.#files.get(name);
      try {
        files.set(name, this.#readFile(name, before));
      } catch (error) {
        if (errorCode(error) === "ENOENT") continue; // removed since the directory was listed
        problems.push({ source: name, message: `Cannot read metric file: ${errorText(error)}` });
        // Totals would fall, and rise again with the next read: the values of the last one stay.
        if (before !== undefined && isPassing(error)) files.set(name, before);
      }
    }
    for (const file of files.values()) {
      judge(file, writers);
      for (const problem of file.problems) problems.push(problem);
    }
    this.#files = files;
    return Promise.resolve({
      sources: [...files.values()],
      writers: countWriters(writers, files.values()),
      problems,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#files.clear();
    return Promise.resolve();
  }

  #list(problems: ReadProblem[]): string[] {
    try {
      return this.#names = readdirSync(this.directory).sort();
    } catch (error) {
      const message = `Cannot read directory ${JSON.stringify(this.directory)}: ` +
        `${errorText(error)}, expected the directory of the metric files`;
      problems.push({ source: this.directory, message });
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
