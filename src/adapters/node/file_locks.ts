/**
 * Locks of files on Node: `flock(2)`, as `Deno.FsFile` has them, so that both see each other's.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { FileLocks } from "../../storage/filesystem/primitives.ts";
import { createFileLocks } from "../libc/flock.ts";
import { LINUX_LIBC } from "../libc/foreign_functions.ts";
import type { NodeForeignFunctions } from "./libc.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

const EINTR = 4;
/** `EWOULDBLOCK`: somebody else has the lock. */
const HELD: Readonly<Record<string, number>> = { linux: 11, darwin: 35 };

/**
 * Locks of this system; `undefined` where there are none (Windows).
 *
 * Files are opened by Node, which opens them so that child processes do not inherit them, and closes
 * those of a thread that has ended, also by `terminate()`: the lock goes with it.
 */
export function openLocks(foreign: NodeForeignFunctions): FileLocks | undefined {
  const held = HELD[foreign.system];
  if (held === undefined) return undefined;
  const names = foreign.system === "linux" ? LINUX_LIBC : ["libSystem.B.dylib"];
  const functions = foreign.open(names, {
    flock: { parameters: ["i32", "i32"], result: "i32" },
  });
  if (functions === undefined) return undefined;
  const { flock } = functions;

  return createFileLocks<number>({
    open: (path, exclusively) =>
      openSync(path, exclusively ? constants.O_RDWR : constants.O_RDONLY),
    tryLock(file, exclusively) {
      while (flock(file, (exclusively ? LOCK_EX : LOCK_SH) | LOCK_NB) !== 0) {
        const number = foreign.errno();
        if (number === held) return false;
        if (number !== EINTR) throw new Error(`flock(2) failed with error ${number}`);
      }
      return true;
    },
    inode: (file) => fstatSync(file).ino,
    unlock: (file) => void flock(file, LOCK_UN),
    close: closeSync,
  });
}
