/**
 * Locks of files by `flock(2)`, however a runtime calls it.
 *
 * @module
 */
import { lstatSync } from "node:fs";
import type { FileLock, FileLocks } from "../../storage/filesystem/primitives.ts";

/** The calls that locks are made of. */
export interface FlockCalls<File> {
  /** Opens a file that is there, also for writing where it is to be locked exclusively. */
  open(path: string, exclusively: boolean): File;
  /** Locks without waiting. @returns Whether it could be done */
  tryLock(file: File, exclusively: boolean): boolean;
  /** The inode number of an open file. */
  inode(file: File): number | null;
  /** Drops the lock, whoever else has the open file. */
  unlock(file: File): void;
  /** Closes it. */
  close(file: File): void;
}

/** Makes locks. */
export function createFileLocks<File>(calls: FlockCalls<File>): FileLocks {
  const { open, tryLock, inode, unlock, close } = calls;

  /**
   * A process that is being started has a copy of every descriptor until it runs its program, and the
   * lock goes with the last one. So it is dropped first.
   */
  function giveBack(file: File): void {
    try {
      unlock(file);
    } finally {
      close(file);
    }
  }

  function held(file: File): FileLock {
    let isHeld = true;
    return {
      release() {
        // A descriptor may be another file's by then.
        if (isHeld) giveBack(file);
        isHeld = false;
      },
    };
  }

  return {
    lock(path) {
      const file = open(path, true);
      let isLocked = false;
      try {
        // Whoever got the lock of a file that was replaced meanwhile has locked nothing.
        isLocked = tryLock(file, true) && lstatSync(path).ino === inode(file);
      } finally {
        if (!isLocked) giveBack(file);
      }
      return isLocked ? held(file) : undefined;
    },
    isLocked(path) {
      const file = open(path, false);
      try {
        return !tryLock(file, false);
      } finally {
        giveBack(file);
      }
    },
  };
}
