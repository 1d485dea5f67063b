/**
 * What the filesystem driver needs of Deno.
 *
 * @module
 */
import { lstatSync } from "node:fs";
import type { FileLocks, FilePrimitives } from "../../storage/filesystem/primitives.ts";
import { procIdentity } from "../../storage/filesystem/process_identity.ts";
import { openMapper } from "./libc.ts";

/** Locks through `Deno.FsFile`, which is `flock(2)`: read and write permission is all they take. */
const LOCKS: FileLocks = {
  lock(path) {
    const file = Deno.openSync(path, { read: true, write: true });
    const inode = file.statSync().ino;
    // Whoever got the lock of a file that was replaced meanwhile has locked nothing.
    if (!file.tryLockSync(true) || lstatSync(path).ino !== inode) {
      file.close();
      return undefined;
    }
    return { release: () => file.close() };
  },
  isLocked(path) {
    using file = Deno.openSync(path);
    return !file.tryLockSync(false);
  },
};

/**
 * The primitives on Deno. Whether files are mapped is decided here, once.
 *
 * Permission: `ffi`, for mapped files; it is not asked for when it was not given.
 */
export function denoFilePrimitives(): FilePrimitives {
  return { identity: procIdentity(Deno.pid), locks: LOCKS, mapper: openMapper() };
}
