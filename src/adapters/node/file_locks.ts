/**
 * Locks of files on Node: `flock(2)`, as `Deno.FsFile` has them, so that both see each other's.
 *
 * @module
 */
import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import type { FileLock, FileLocks } from "../../storage/filesystem/primitives.ts";
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
  const heldError = HELD[foreign.system];
  if (heldError === undefined) return undefined;
  const names = foreign.system === "linux" ? LINUX_LIBC : ["libSystem.B.dylib"];
  const functions = foreign.open(names, {
    flock: { parameters: ["i32", "i32"], result: "i32" },
  });
  if (functions === undefined) return undefined;
  const { flock } = functions;

  function tryLock(file: number, operation: number): boolean {
    while (flock(file, operation | LOCK_NB) !== 0) {
      const number = foreign.errno();
      if (number === heldError) return false;
      if (number !== EINTR) throw new Error(`flock(2) failed with error ${number}`);
    }
    return true;
  }

  // A process that is being started has a copy of every descriptor until it runs its program, and the
  // lock goes with the last one. So it is given back first.
  function unlock(file: number): void {
    flock(file, LOCK_UN);
    closeSync(file);
  }

  function held(file: number): FileLock {
    let isHeld = true;
    return {
      release() {
        // The number may be that of another file by then.
        if (isHeld) unlock(file);
        isHeld = false;
      },
    };
  }

  return {
    lock(path) {
      const file = openSync(path, constants.O_RDWR);
      let isLocked = false;
      try {
        // Whoever got the lock of a file that was replaced meanwhile has locked nothing.
        isLocked = tryLock(file, LOCK_EX) && lstatSync(path).ino === fstatSync(file).ino;
      } finally {
        if (!isLocked) unlock(file);
      }
      return isLocked ? held(file) : undefined;
    },
    isLocked(path) {
      const file = openSync(path, constants.O_RDONLY);
      try {
        return !tryLock(file, LOCK_SH);
      } finally {
        unlock(file);
      }
    },
  };
}
