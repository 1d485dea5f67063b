/**
 * What the filesystem driver needs of Deno.
 *
 * @module
 */
import { lstatSync } from "node:fs";
import type { FileLock, FileLocks, FileMapper, FilePrimitives } from "../../storage/filesystem/primitives.ts";
import {
  pidIdentity,
  type ProcessIdentity,
  procIdentity,
} from "../../storage/filesystem/process_identity.ts";
import type { ForeignFunctions } from "../libc/foreign_functions.ts";
import { openMapper } from "../libc/mapper.ts";
import { openWriterCheck } from "../libc/writer_check.ts";
import { foreignFunctions } from "./libc.ts";

/** Locks through `Deno.FsFile`, which is `flock(2)`: read and write permission is all they take. */
const LOCKS: FileLocks = {
  lock(path) {
    const file = Deno.openSync(path, { read: true, write: true });
    let isLocked = false;
    try {
      // Whoever got the lock of a file that was replaced meanwhile has locked nothing.
      isLocked = file.tryLockSync(true) && lstatSync(path).ino === file.statSync().ino;
    } finally {
      if (!isLocked) unlock(file);
    }
    return isLocked ? held(file) : undefined;
  },
  isLocked(path) {
    const file = Deno.openSync(path);
    try {
      return !file.tryLockSync(false);
    } finally {
      unlock(file);
    }
  },
};

/**
 * A process that is being started has a copy of every descriptor until it runs its program, and the
 * lock goes with the last one. So it is given back first.
 */
function unlock(file: Deno.FsFile): void {
  file.unlockSync();
  file.close();
}

function held(file: Deno.FsFile): FileLock {
  let isHeld = true;
  return {
    release() {
      if (isHeld) unlock(file);
      isHeld = false;
    },
  };
}

/**
 * The primitives on Deno. Whether files are mapped is decided once, at the first look.
 *
 * Permission: `ffi`, for mapped files; it is not asked for when it was not given.
 */
export const denoFilePrimitives: FilePrimitives = {
  get identity() {
    return identity ??= readIdentity();
  },
  locks: LOCKS,
  get mapper() {
    mapper ??= { opened: withFunctions(openMapper) };
    return mapper.opened;
  },
  get hasWriters() {
    writerCheck ??= { opened: withFunctions(openWriterCheck) };
    return writerCheck.opened;
  },
};

let identity: ProcessIdentity | undefined;
let mapper: { readonly opened: FileMapper | undefined } | undefined;
let writerCheck: { readonly opened: FilePrimitives["hasWriters"] } | undefined;

function withFunctions<T>(open: (foreign: ForeignFunctions) => T): T | undefined {
  const foreign = foreignFunctions();
  return foreign && open(foreign);
}

/** Without permission to read everywhere, Deno would ask on the terminal before it refuses. */
function readIdentity(): ProcessIdentity {
  const mayRead = Deno.permissions.querySync({ name: "read" }).state === "granted";
  return mayRead ? procIdentity(Deno.pid) : pidIdentity(Deno.pid);
}
