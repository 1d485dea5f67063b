/**
 * What a runtime has to bring for the filesystem driver beyond `node:fs`. Capabilities that may be
 * missing are `undefined`; the driver then takes its other way.
 *
 * @module
 */
import type { ProcessIdentity } from "./process_identity.ts";

/** A lock that is held until it is released or its process ends, however it ends. */
export interface FileLock {
  /** Gives the lock back; once that is done it does nothing. */
  release(): void;
}

/** Advisory locks as of `flock(2)`. They belong to an open file: threads of a process compete too. */
export interface FileLocks {
  /**
   * Locks an existing file exclusively, without waiting.
   *
   * @returns `undefined` when somebody else holds a lock, or the name leads to another file by now.
   */
  lock(path: string): FileLock | undefined;
  /** Whether somebody holds the exclusive lock. Disturbs no other caller of this method. */
  isLocked(path: string): boolean;
}

/** Memory that is a file. */
export interface FileMapper {
  /**
   * Reserves blocks for a part of a file, which grows where needed, and maps it for reading and
   * writing. The mapping stays until the process ends, and the file may be unlinked meanwhile.
   *
   * @param offset Start of the part in bytes, a multiple of 64 KiB (of every page size in use).
   * @param length Bytes, a multiple of 64 KiB.
   * @throws {Error} When the blocks cannot be reserved; nothing is mapped then.
   */
  map(path: string, offset: number, length: number): ArrayBuffer;
}

/** The runtime's part of the driver. */
export interface FilePrimitives {
  /** This process, and what can be known of others. */
  readonly identity: ProcessIdentity;
  /** `undefined` where the runtime has no such locks: life is then proved by pid. */
  readonly locks: FileLocks | undefined;
  /** `undefined` where memory cannot be mapped: files are then written every 100 ms. */
  readonly mapper: FileMapper | undefined;
  /**
   * Whether any process might have an existing file open for writing, or mapped so: false only when
   * none has, in whichever pid namespace. Missing where the runtime cannot know.
   */
  readonly hasWriters?: ((path: string) => boolean) | undefined;
}
