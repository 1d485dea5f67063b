/**
 * What retiring does to a directory, as single steps, so that a test can stop it after each of them.
 *
 * @module
 */
import { linkSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";

/** The changes that retiring makes. */
export interface FileOperations {
  /** Writes a new file and brings it to the disk. */
  create(path: string, bytes: Uint8Array): Promise<void>;
  /** Puts text into a file of which nothing depends but comfort. */
  note(path: string, text: string): void;
  /** `rename(2)`: replaces what has the new name. */
  rename(from: string, to: string): void;
  /** `link(2)`: fails when the new name is taken. */
  link(from: string, to: string): void;
  /** `unlink(2)`. */
  unlink(path: string): void;
}

/** The real ones. */
export const FILE_OPERATIONS: FileOperations = {
  async create(path, bytes) {
    const file = await open(path, "wx", 0o644);
    try {
      for (let done = 0; done < bytes.length;) {
        done += (await file.write(bytes, done, bytes.length - done, done)).bytesWritten;
      }
      // Else the name could reach the disk before the bytes, and the absorbed files be gone by then.
      await file.sync();
    } finally {
      await file.close();
    }
  },
  note: (path, text) => writeFileSync(path, text),
  rename: (from, to) => renameSync(from, to),
  link: (from, to) => linkSync(from, to),
  unlink: (path) => unlinkSync(path),
};
