/**
 * Which writers live, from their writer files. What is not known for certain is "unknown".
 *
 * @module
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Liveness, ReadProblem } from "../../core/storage.ts";
import type { ClaimRecord } from "./claim_file.ts";
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
  readonly size: number;
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
    const { ino: inode, size, birthtimeMs: born } = status;
    // An inode number is reused, and the next process with this pid has the same name; where the
    // file system keeps no time of birth, the file itself has to say who it is. One that has grown
    // says that its owner has ended.
    const same = before?.inode === inode && before.size === size && before.born === born &&
      born !== 0;
    const known: Known = same
      ? before
      : { inode, size, born, record: readWriterRecord(path), liveness: "unknown" };
    // Nobody locks a writer file a second time (who retires the writer looks, as we do): who is
    // dead stays dead.
    if (known.liveness !== "dead") {
      known.liveness = judgeClaim(path, known.record, inode, this.#primitives);
    }
    return known;
  }
}

/** Judges the owner of a claim file. @throws {Error} As of `node:fs` */
export function judgeClaim(
  path: string,
  record: ClaimRecord,
  inode: number,
  { identity, locks }: FilePrimitives,
): Liveness {
  if (record.ended) return "dead";
  if (record.liveness === "flock" && locks !== undefined) {
    return locks.isLocked(path) ? "live" : "dead";
  }
  return judgeByPid(record, identity, inode);
}

/**
 * Judges without a lock: only from the same boot and pid namespace can anything be said. Whoever has
 * a lock that cannot be looked at is taken to live as long as its process does.
 *
 * @param inode That of the claim file.
 */
export function judgeByPid(
  record: ClaimRecord,
  identity: ProcessIdentity,
  inode?: number,
): Liveness {
  const { bootId, pidNamespace } = identity;
  const sameWorld = bootId !== undefined && record.bootId === bootId &&
    pidNamespace !== undefined && record.pidNamespace === pidNamespace;
  if (!sameWorld || record.startTicks === null) return "unknown";
  const ticks = identity.startTicks(record.pid);
  if (ticks === undefined) return "unknown";
  if (ticks !== record.startTicks) return "dead";
  const isClosed = record.open && identity.hasOpen?.(record.pid, record.open, inode) === false;
  return isClosed ? "dead" : "live";
}
