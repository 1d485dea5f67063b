/**
 * Retires dead writers: their totals are folded into the accumulators, their files are removed, and
 * no page shows a difference.
 *
 * The order makes it safe to be stopped at any step, and invisible to readers. Under the retire lock:
 *
 * 1. A new accumulator is written under a temporary name. It holds the old totals and those of the
 *    dead writers' files, and names the incarnations of these files.
 * 2. It is renamed over the old one: from now on nobody counts the files that it names.
 * 3. The files are removed, and in the end the writer files, which kept the ids from being claimed.
 *
 * Each accumulator is complete in itself, so a stop between two types leaves the files of the second
 * one counted as files. Whatever a stop leaves behind, the next run finds by the same rules. What
 * cannot be read whole is not folded: it stays as it is, with its writer file.
 *
 * Where writers disagree about a name, everything is folded all the same, so that no total is lost.
 * An endpoint that runs goes on as before; for one that starts later the accumulators are right,
 * first the one with the earliest writer.
 *
 * @module
 */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Log } from "../../core/log.ts";
import type { ReadProblem } from "../../core/storage.ts";
import { Fold, FOLDED_TYPES, type SampleType } from "../fold.ts";
import { DEFAULT_RETENTION, type Retention } from "../retention.ts";
import {
  type Accumulator,
  accumulatorName,
  encodeAccumulator,
  type Trailer,
} from "./accumulator_format.ts";
import { AccumulatorSet } from "./accumulator_set.ts";
import { type DeadFile, findDeadFiles } from "./dead_files.ts";
import { errorCode, errorText, removeQuietly } from "./file_errors.ts";
import {
  type FileLayout,
  parseTemporaryName,
  temporaryName,
  writerFileName,
} from "./file_format.ts";
import { FILE_OPERATIONS, type FileOperations } from "./file_operations.ts";
import { FileReader } from "./file_reader.ts";
import { type WriterState, WriterWatch } from "./liveness.ts";
import type { FilePrimitives } from "./primitives.ts";
import { setAside } from "./retire_foreign.ts";
import { lockRetiring, lockRetiringAtOnce } from "./retire_lock.ts";
import { expired } from "./retire_retention.ts";
import { randomIncarnation } from "./writer_file.ts";

/** How {@linkcode retireWriters} goes about. */
export interface RetireOptions {
  /** The directory of the metric files. */
  readonly directory: string;
  /** What the runtime brings. */
  readonly primitives: FilePrimitives;
  /** Whether files of Python's client are folded too, where nobody has them open. @default {false} */
  readonly foreign?: boolean;
  /**
   * Whether to wait for another process that is doing so; otherwise it is left to that one.
   *
   * @default {true}
   */
  readonly waits?: boolean;
  /** How long gauges of mode `all` stay. @default {1 hour, 100 writers} */
  readonly retention?: Retention;
  /** Told what was retired. @default {SILENT_LOG} */
  readonly log?: Log;
  /** The clock, milliseconds since the epoch. @default {Date.now} */
  readonly now?: () => number;
  /** The single steps; for tests. @default {FILE_OPERATIONS} */
  readonly operations?: FileOperations;
}

/** What was retired. */
export interface Retired {
  /** How many writers had something that was folded or removed. */
  readonly folded: number;
  /** How many of their metric files are gone. */
  readonly files: number;
  /** What had to stay, and why. */
  readonly problems: readonly ReadProblem[];
}

/** A temporary file this old was left behind by a process that was killed. */
const STALE_MS = 60_000;

/**
 * Retires the writers of a directory that are known to be dead. Files of Python's client are left
 * alone unless `foreign` is set.
 *
 * Permissions: read and write for the directory; `ffi` on Deno for `foreign`.
 *
 * @throws {StorageError} When another process keeps the lock, or might.
 * @throws {Error} As of `node:fs`, when the directory cannot be read or written to.
 */
export async function retireWriters(options: RetireOptions): Promise<Retired> {
  const { directory, primitives, waits = true } = options;
  const lock = waits
    ? await lockRetiring(directory, primitives)
    : lockRetiringAtOnce(directory, primitives);
  if (lock === undefined) return { folded: 0, files: 0, problems: [] };
  const retirement = new Retirement(options);
  try {
    return await retirement.run();
  } finally {
    retirement.close();
    lock.release();
  }
}

/** One run, under the lock. */
class Retirement {
  readonly #options: RetireOptions;
  readonly #directory: string;
  readonly #operations: FileOperations;
  readonly #nowMs: number;
  readonly #stats = { filesOpened: 0, bytesRead: 0, keysParsed: 0 };
  readonly #accumulators: AccumulatorSet;
  readonly #problems: ReadProblem[] = [];
  /** The ids of writers that something was done about. */
  readonly #writers = new Set<string>();
  /** The names of metric files that are gone. */
  readonly #removed = new Set<string>();
  /** Files that an earlier run has folded but not removed. */
  #absorbed: readonly DeadFile[] = [];
  /** Whether every metric file could be looked at. */
  #complete = false;

  constructor(options: RetireOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.#operations = options.operations ?? FILE_OPERATIONS;
    this.#nowMs = (options.now ?? Date.now)();
    this.#accumulators = new AccumulatorSet(this.#directory, this.#stats);
  }

  close(): void {
    this.#accumulators.close();
  }

  async run(): Promise<Retired> {
    const { primitives, foreign = false, log } = this.#options;
    const watch = new WriterWatch(this.#directory, primitives);
    const writers = watch.look(readdirSync(this.#directory), this.#problems);
    // Only now: who is dead makes no more files, but one that died just before it was looked at may
    // have made some after the first list, and they would be left without a writer file for ever.
    const names = readdirSync(this.#directory).sort();
    this.#removeStale(names);
    const isDead = ({ liveness }: WriterState): boolean => liveness === "dead";
    // Whatever an earlier run has left over has its writer file still, but for what is foreign.
    if (!foreign && ![...writers.values()].some(isDead)) {
      return { folded: 0, files: 0, problems: this.#problems };
    }
    this.#accumulators.load(this.#problems);
    const { files, complete } = findDeadFiles({
      directory: this.#directory,
      names,
      writers,
      accumulators: this.#accumulators,
      foreign: foreign ? primitives : undefined,
    });
    this.#complete = complete;
    this.#absorbed = files.filter((file) => file.absorbed);
    for (const file of this.#absorbed) this.#remove(file);
    const due = this.#due(files.filter((file) => !file.absorbed));
    for (const type of FOLDED_TYPES) await this.#fold(type, due.filter((file) => isOf(file, type)));
    // The other types were only ever shown while the writer lived, or are past their time.
    for (const file of due) if (!FOLDED_TYPES.some((type) => isOf(file, type))) this.#remove(file);
    this.#removeWriterFiles(files, writers);

    const [folded, removed] = [this.#writers.size, this.#removed.size];
    if (folded > 0) log?.debug("Retired writers", { writers: folded, files: removed });
    return { folded, files: removed, problems: this.#problems };
  }

  /** What is to be folded or removed now; what is foreign has been set aside. */
  #due(files: readonly DeadFile[]): DeadFile[] {
    const { primitives, retention = DEFAULT_RETENTION } = this.#options;
    const lasting = files.filter(({ parsed }) => parsed.mode === "all");
    const dropped = expired(
      this.#directory,
      lasting.map(retentionId),
      retention,
      this.#nowMs / 1000,
      this.#operations,
    );
    return files.flatMap((file) => {
      if (file.parsed.mode === "all" && !dropped.has(retentionId(file))) return [];
      if (file.incarnation !== 0) return [file];
      try {
        const name = setAside(this.#directory, file.name, primitives, this.#operations);
        return name === undefined ? [] : [{ ...file, name }];
      } catch (error) {
        this.#report(file.name, `Cannot set metric file aside: ${errorText(error)}`);
        return [];
      }
    });
  }

  /** Adds the values of files to the accumulator of their type, and removes the files. */
  async #fold(type: SampleType, files: readonly DeadFile[]): Promise<void> {
    const name = accumulatorName(type);
    if (files.length === 0 || !this.#accumulators.isWritable(name)) return;
    const held = this.#accumulators.get(name);
    const before = held?.content;
    const fold = new Fold(type, held?.source);
    const folded: DeadFile[] = [];
    let layout = before?.layout ?? (type.mode === "mostrecent" ? "timestamp" : undefined);
    for (const file of files) {
      const reader = this.#read(file);
      if (reader === undefined) continue;
      if (reader.keys.length > 0) layout ??= reader.hasTimestamps ? "timestamp" : "value";
      fold.add(reader);
      folded.push(file);
      // Whoever runs this, a master for example, has other things to do as well.
      await setImmediate();
    }
    // Without a layout, none of them has an entry: there is nothing that could be counted twice.
    if (layout !== undefined && folded.length > 0) {
      const trailer = this.#trailer(layout, before, fold, folded);
      const bytes = encodeAccumulator(fold, trailer, randomIncarnation());
      if (!await this.#replace(name, bytes)) return;
    }
    for (const file of folded) this.#remove(file);
  }

  #trailer(
    layout: FileLayout,
    before: Accumulator | undefined,
    fold: Fold,
    folded: readonly DeadFile[],
  ): Trailer {
    const nowSeconds = this.#nowMs / 1000;
    // A file is forgotten when it is gone: its incarnation is never seen again.
    const { absorbed, absorbedNames } = before ?? { absorbed: [], absorbedNames: [] };
    const isOwn = ({ incarnation }: DeadFile): boolean => incarnation !== 0;
    return {
      layout,
      generation: (before?.generation ?? 0) + 1,
      startTime: Math.min(
        before?.startTime ?? nowSeconds,
        ...folded.map(({ startTime }) => startTime),
      ),
      absorbed: [
        ...absorbed.filter((number) => this.#isLeft((file) => file.incarnation === number)),
        ...folded.filter(isOwn).map(({ incarnation }) => incarnation),
      ],
      absorbedNames: [
        ...absorbedNames.filter((name) => this.#isLeft((file) => file.name === name)),
        ...folded.filter((file) => !isOwn(file)).map(({ name }) => name),
      ],
      components: fold.finish(),
    };
  }

  /** Whether a file that was absorbed by an earlier run is, or might be, still there. */
  #isLeft(isMeant: (file: DeadFile) => boolean): boolean {
    return !this.#complete ||
      this.#absorbed.some((file) => isMeant(file) && !this.#removed.has(file.name));
  }

  /** The content of a file; `undefined` when it is not whole, so that it has to stay. */
  #read({ name, parsed }: DeadFile): FileReader | undefined {
    const path = join(this.#directory, name);
    try {
      const reader = new FileReader(name, parsed, lstatSync(path), 0);
      reader.refresh(path, this.#stats);
      if (reader.problems.length === 0) return reader;
      this.#problems.push(...reader.problems);
    } catch (error) {
      this.#report(name, `Cannot fold metric file: ${errorText(error)}`);
    }
    return undefined;
  }

  /** Puts an accumulator in its place. @returns whether that worked */
  async #replace(name: string, bytes: Uint8Array): Promise<boolean> {
    const temporary = join(this.#directory, temporaryName(name));
    try {
      await this.#operations.create(temporary, bytes);
      this.#operations.rename(temporary, join(this.#directory, name));
      return true;
    } catch (error) {
      removeQuietly(temporary);
      this.#report(name, `Cannot write accumulator: ${errorText(error)}`);
      return false;
    }
  }

  #remove({ name, parsed: { writer } }: DeadFile): void {
    if (this.#unlink(name, writer)) this.#removed.add(name);
  }

  /** Writer files go last: as long as one is there, nobody else can have its id. */
  #removeWriterFiles(files: readonly DeadFile[], writers: ReadonlyMap<string, WriterState>): void {
    const kept = new Set<string>();
    for (const { name, incarnation, parsed: { writer } } of files) {
      if (incarnation !== 0 && !this.#removed.has(name)) kept.add(writer);
    }
    if (!this.#complete) return;
    for (const [id, { liveness }] of writers) {
      if (liveness === "dead" && !kept.has(id)) this.#unlink(writerFileName(id), id);
    }
  }

  #unlink(name: string, writer: string): boolean {
    try {
      this.#operations.unlink(join(this.#directory, name));
    } catch (error) {
      if (errorCode(error) !== "ENOENT") {
        this.#report(name, `Cannot remove file of a retired writer: ${errorText(error)}`);
        return false;
      }
    }
    this.#writers.add(writer);
    return true;
  }

  /** Removes what killed processes left half made: accumulators, and what nobody can be making still. */
  #removeStale(names: readonly string[]): void {
    const { locks } = this.#options.primitives;
    for (const name of names) {
      const target = parseTemporaryName(name);
      if (target === undefined) continue;
      const path = join(this.#directory, name);
      try {
        // Nobody but the holder of the lock makes accumulators.
        const isOurs = FOLDED_TYPES.some((type) => accumulatorName(type) === target);
        const isStale = isOurs || this.#nowMs - lstatSync(path).mtimeMs > STALE_MS;
        if (isStale && !locks?.isLocked(path)) removeQuietly(path);
      } catch {
        // Gone by now, or not ours to look at: nobody reads it.
      }
    }
  }

  #report(source: string, message: string): void {
    this.#problems.push({ source, message });
  }
}

function isOf({ parsed }: DeadFile, { kind, mode }: SampleType): boolean {
  return parsed.kind === kind && parsed.mode === mode;
}

/** What stands for a writer in the notes on its death. */
function retentionId({ name, incarnation }: DeadFile): string {
  return incarnation === 0 ? name : String(incarnation);
}
