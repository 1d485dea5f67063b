/**
 * The writer of the filesystem driver: one for each process, isolate or thread.
 *
 * @module
 */
import { clearInterval, setInterval } from "node:timers";
import { StorageError } from "../../core/errors.ts";
import { type GaugeMode, isMostRecentMode } from "../../core/modes.ts";
import type { Cell, MetricKind, ReadProblem, StorageWriter } from "../../core/storage.ts";
import { prepareDirectory } from "./directory.ts";
import { errorText, isOutOfSpace } from "./file_errors.ts";
import { type FileLayout, metricFileName } from "./file_format.ts";
import { bufferedMemory, type FileMemory, mappedMemory } from "./file_memory.ts";
import { createMetricFile, type MetricFile } from "./metric_file.ts";
import type { FilePrimitives } from "./primitives.ts";
import { claimWriter, type WriterClaim } from "./writer_file.ts";

/** How {@linkcode openFilesystemWriter} works. */
export interface FilesystemWriterOptions {
  /** The directory of the metric files; made when it is missing. */
  readonly directory: string;
  /** What the runtime brings. */
  readonly primitives: FilePrimitives;
  /** On-disk layout, one for a whole directory. @default {"timestamp"} */
  readonly layout?: FileLayout;
  /** The writer id wanted; `-2`, `-3` … is added when it is taken. @default {`<pid>`} */
  readonly writer?: string;
  /** Told when a file cannot be written to, once until it works again. */
  readonly onProblem?: (problem: ReadProblem) => void;
  /** The clock, milliseconds since the epoch. @default {Date.now} */
  readonly now?: () => number;
}

/** A storage writer on files. */
export interface FilesystemWriter extends StorageWriter {
  /** The directory of the metric files. */
  readonly directory: string;
  /** The layout of the files. */
  readonly layout: FileLayout;
  /** Does what {@linkcode StorageWriter.flush} does, before it returns: for exit handlers. */
  flushSync(): void;
}

/** How often a writer without mapped memory brings changes to its files. */
const FLUSH_INTERVAL_MS = 100;

/** How long a file that could not be made or grown is left alone. */
const RETRY_MS = 3000;

/**
 * Opens the writer of this process, isolate or thread, under an id of its own.
 *
 * A full or read-only disk is no error: values then live on the heap, and
 * {@linkcode StorageWriter.unstored} counts them. Closing drops the claim; the files stay, as totals
 * must.
 *
 * Permissions: read and write for the directory; `ffi` on Deno for mapped memory.
 *
 * @throws {StorageError} When the directory cannot be made, is not safe or may not be written to.
 */
export function openFilesystemWriter(options: FilesystemWriterOptions): FilesystemWriter {
  return new Writer(options);
}

class Writer implements FilesystemWriter {
  readonly directory: string;
  readonly layout: FileLayout;
  readonly storesTimestamps: boolean;
  readonly survivesKill: boolean;
  unstored = 0;
  readonly #primitives: FilePrimitives;
  readonly #wantedId: string;
  readonly #onProblem: (problem: ReadProblem) => void;
  readonly #now: () => number;
  readonly #files = new Map<string, MetricFile>();
  /** When each file that cannot be made, grown or flushed last failed, in milliseconds. */
  readonly #failedAt = new Map<string, number>();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #claim: WriterClaim | undefined;
  #closed = false;

  constructor(options: FilesystemWriterOptions) {
    const { primitives } = options;
    this.directory = options.directory;
    this.layout = options.layout ?? "timestamp";
    this.storesTimestamps = this.layout === "timestamp";
    this.survivesKill = primitives.mapper !== undefined;
    this.#primitives = primitives;
    this.#wantedId = options.writer ?? String(primitives.identity.pid);
    this.#onProblem = options.onProblem ?? (() => {});
    this.#now = options.now ?? Date.now;
    try {
      this.#ownClaim();
    } catch (error) {
      if (error instanceof StorageError) throw error;
      if (!isOutOfSpace(error)) {
        throw new StorageError(
          `Cannot write to directory ${JSON.stringify(this.directory)}: ${errorText(error)}, ` +
            "expected a writable directory",
          this.directory,
          { cause: error },
        );
      }
      this.#report(this.directory, error);
    }
    if (!this.survivesKill) {
      this.#timer = setInterval(() => this.flushSync(), FLUSH_INTERVAL_MS);
      this.#timer.unref();
    }
  }

  get writer(): string {
    return this.#claim?.id ?? this.#wantedId;
  }

  allocate(kind: MetricKind, mode: GaugeMode | undefined, key: string): Cell {
    // prom-client's aggregator `omit` asks for no result, and Python would print one.
    if (mode === "omit" || this.#closed) return heapCell(this.storesTimestamps);
    const name = mode === undefined ? kind : `${kind}_${mode}`;
    const failedAt = this.#failedAt.get(name);
    if (failedAt === undefined || this.#now() - failedAt >= RETRY_MS) {
      try {
        const cell = this.#file(name, kind, mode).append(key);
        this.#failedAt.delete(name);
        return cell;
      } catch (error) {
        this.#fail(name, error);
      }
    }
    this.unstored++;
    return heapCell(this.storesTimestamps);
  }

  flush(): Promise<void> {
    this.flushSync();
    return Promise.resolve();
  }

  flushSync(): void {
    for (const [name, file] of this.#files) {
      const problem = `flush ${name}`;
      try {
        file.flush();
        this.#failedAt.delete(problem);
      } catch (error) {
        this.#fail(problem, error);
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) {
      this.flushSync();
      this.#closed = true;
      clearInterval(this.#timer);
      for (const file of this.#files.values()) file.close();
      this.#files.clear();
      this.#claim?.release();
    }
    return Promise.resolve();
  }

  #file(name: string, kind: MetricKind, mode: GaugeMode | undefined): MetricFile {
    let file = this.#files.get(name);
    if (file === undefined) {
      if (!this.storesTimestamps && mode !== undefined && isMostRecentMode(mode)) {
        throw new Error(`gauges of mode "${mode}" need the layout "timestamp"`);
      }
      const { id, incarnation } = this.#ownClaim();
      const { mapper } = this.#primitives;
      const openMemory = mapper === undefined
        ? bufferedMemory
        : (path: string): FileMemory => mappedMemory(path, mapper);
      const fileName = metricFileName(kind, mode, id);
      file = createMetricFile(this.directory, fileName, this.layout, incarnation, openMemory);
      this.#files.set(name, file);
    }
    return file;
  }

  /** The claim, made at the first time that the disk lets us. */
  #ownClaim(): WriterClaim {
    if (this.#claim === undefined) {
      prepareDirectory(this.directory);
      const startTime = this.#now() / 1000;
      this.#claim = claimWriter(this.directory, this.#wantedId, this.#primitives, startTime);
    }
    return this.#claim;
  }

  #fail(name: string, error: unknown): void {
    if (!this.#failedAt.has(name)) this.#report(name, error);
    this.#failedAt.set(name, this.#now());
  }

  #report(source: string, error: unknown): void {
    this.#onProblem({
      source,
      message: `Cannot write metrics of writer "${this.writer}": ${errorText(error)}, ` +
        "expected room in the directory; values stay in memory",
    });
  }
}

/** A slot that is in no file. */
function heapCell(withTime: boolean): Cell {
  return { values: new Float64Array(2), index: 0, timestampIndex: withTime ? 1 : -1 };
}
