/**
 * All accumulators of a directory, as a reader follows them.
 *
 * @module
 */
import { join } from "node:path";
import type { ReadProblem, SampleSource } from "../../core/storage.ts";
import { type HeldAccumulator, inodeOf, openAccumulator } from "./accumulator_file.ts";
import { FOLDED_TYPES } from "../fold.ts";
import { accumulatorName } from "./accumulator_format.ts";
import { errorText, isPassing } from "./file_errors.ts";
import type { ReadStats } from "./file_reader.ts";

/** What was found at the name of an accumulator. */
interface Found {
  /** `undefined` when there was nothing. */
  readonly inode: number | undefined;
  /** `undefined` when there was none, or none that can be read. */
  readonly held: HeldAccumulator | undefined;
  /** Whether it could not be read. */
  readonly damaged: boolean;
}

/** Reads the accumulators again and again; each is parsed once. */
export class AccumulatorSet {
  readonly #directory: string;
  readonly #stats: ReadStats;
  readonly #found = new Map<string, Found>();
  #revision = 0;

  constructor(directory: string, stats: ReadStats) {
    this.#directory = directory;
    this.#stats = stats;
  }

  /**
   * Reads those that are new.
   *
   * @param problems Receives what cannot be read; such an accumulator is left out.
   * @returns Whether one could not be read for a reason that says nothing about it.
   */
  load(problems: ReadProblem[]): boolean {
    let passing = false;
    for (const type of FOLDED_TYPES) {
      const name = accumulatorName(type);
      const before = this.#found.get(name);
      let inode: number | undefined;
      try {
        inode = inodeOf(join(this.#directory, name));
        if (before?.held !== undefined && inode === before.inode) continue;
        const held = inode === undefined
          ? undefined
          : openAccumulator(this.#directory, type, ++this.#revision, this.#stats);
        this.#found.set(name, { inode: held?.inode ?? inode, held, damaged: false });
      } catch (error) {
        passing ||= isPassing(error);
        problems.push({ source: name, message: `Cannot read accumulator: ${errorText(error)}` });
        this.#found.set(name, { inode, held: undefined, damaged: true });
      }
      before?.held?.close();
    }
    return passing;
  }

  /** Whether all are still those that were read last. */
  isCurrent(): boolean {
    return FOLDED_TYPES.every((type) => {
      const name = accumulatorName(type);
      try {
        return inodeOf(join(this.#directory, name)) === this.#found.get(name)?.inode;
      } catch {
        return this.#found.get(name)?.damaged === true; // it could not be looked at before either
      }
    });
  }

  /** The accumulator with this file name. */
  get(name: string): HeldAccumulator | undefined {
    return this.#found.get(name)?.held;
  }

  /** Whether a name is that of an accumulator, readable or not: the file is nothing else then. */
  has(name: string): boolean {
    const found = this.#found.get(name);
    return found !== undefined && (found.held !== undefined || found.damaged);
  }

  /** Whether an accumulator may be put at a name: there is one to replace, or nothing at all. */
  isWritable(name: string): boolean {
    const found = this.#found.get(name);
    return found !== undefined && !found.damaged &&
      (found.held !== undefined || found.inode === undefined);
  }

  /** All that there are. */
  get sources(): SampleSource[] {
    return [...this.#found.values()].flatMap(({ held }) => held === undefined ? [] : [held.source]);
  }

  /** Lets go of all files. */
  close(): void {
    for (const { held } of this.#found.values()) held?.close();
    this.#found.clear();
  }
}
