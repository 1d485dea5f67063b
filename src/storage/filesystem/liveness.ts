/**
 * Which writers live, from their writer files. What is not known for certain is "unknown".
 *
 * @module
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Liveness, ReadProblem } from "../../core/storage.ts";
import { parseWriterFileName } from "./file_format.ts";
import { errorCode, errorText, isPassing } from "./file_errors.ts";
import type { FilePrimitives } from "./primitives.ts";
import type { ProcessIdentity } from "./process_identity.ts";
import { readWriterRecord, type WriterRecord } from "./writer_file.ts";

/** A writer of ours. */
export interface WriterState {
  /** What its writer file says. */
  readonly record: WriterRecord;
  /** Whether it lives, as of the last look. */
  readonly liveness: Liveness;
}

interface Known {
  readonly inode: number;
  readonly born: number;
  readonly record: WriterRecord;
  liveness: Liveness;
}

/** Looks at the writer files of a directory again and again; each is parsed once. */
export class WriterWatch {
  readonly #directory: string;
  readonly #primitives: FilePrimitives;
  #known = new Map<string, Known>();

  constructor(directory: string, primitives: FilePrimitives) {
    this.#directory = directory;
    this.#primitives = primitives;
  }

  /**
   * Judges every writer that has a writer file.
   *
   * @param names The names in the directory.
   * @param problems Receives what cannot be read; such a writer is left out.
   * @returns The writers by id.
   */
  look(names: readonly string[], problems: ReadProblem[]): ReadonlyMap<string, WriterState> {
    const found = new Map<string, Known>();
    for (const name of names) {
      const id = parseWriterFileName(name);
      if (id === undefined) continue;
      const before = this.#known.get(id);
      try {
        found.set(id, this.#judge(name, before));
      } catch (error) {
        if (errorCode(error) === "ENOENT") continue; // removed since the directory was listed
        if (before !== undefined && isPassing(error)) found.set(id, before);
        problems.push({ source: name, message: `Cannot read writer file: ${errorText(error)}` });
      }
    }
    this.#known = found;
    return found;
  }

  #judge(name: string, before: Known | undefined): Known {
    const path = join(this.#directory, name);
    const status = lstatSync(path);
    if (!status.isFile()) throw new Error("it is not a regular file");
    const { ino: inode, birthtimeMs: born } = status;
    // An inode number is reused, and the next process with this pid has the same name; where the
    // file system keeps no time of birth, the file itself has to say who it is.
    const same = before?.inode === inode && before.born === born && born !== 0;
    const known: Known = same
      ? before
      : { inode, born, record: readWriterRecord(path), liveness: "unknown" };
    // Nobody locks a writer file a second time (who retires the writer looks, as we do): who is
    // dead stays dead.
    if (known.liveness !== "dead") known.liveness = this.#probe(path, known.record);
    return known;
  }

  #probe(path: string, record: WriterRecord): Liveness {
    if (record.liveness === "pid") return judgeByPid(record, this.#primitives.identity);
    const { locks } = this.#primitives;
    if (locks === undefined) return "unknown";
    return locks.isLocked(path) ? "live" : "dead";
  }
}

/** Judges a writer without a lock: only from the same boot and pid namespace can anything be said. */
export function judgeByPid(record: WriterRecord, identity: ProcessIdentity): Liveness {
  const { bootId, pidNamespace } = identity;
  const sameWorld = bootId !== undefined && record.bootId === bootId &&
    pidNamespace !== undefined && record.pidNamespace === pidNamespace;
  if (!sameWorld || record.startTicks === null) return "unknown";
  const ticks = identity.startTicks(record.pid);
  if (ticks === undefined) return "unknown";
  return ticks === record.startTicks ? "live" : "dead";
}
