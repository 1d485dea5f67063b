/** A directory of metric files for the suite of the drivers, on whichever runtime. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StorageWriter } from "../../src/core/storage.ts";
import { readClaim } from "../../src/storage/filesystem/claim_file.ts";
import type { FileLayout } from "../../src/storage/filesystem/file_format.ts";
import {
  type FileLock,
  type FilePrimitives,
  openFilesystemReader,
  openFilesystemWriter,
} from "../../src/storage/filesystem/mod.ts";
import type { DriverHarness } from "./driver_suite.ts";

/** Makes an empty directory, in which writers live and die by what these primitives can tell. */
export async function openFilesystemHarness(
  primitives: FilePrimitives,
  layout: FileLayout,
): Promise<DriverHarness> {
  const directory = await mkdtemp(join(tmpdir(), "gpe_suite_"));
  const locks = new Map<StorageWriter, FileLock[]>();
  /** Names of files that the kernel would have closed. */
  const closed = new Set<string>();
  const killed: StorageWriter[] = [];
  const { identity } = primitives;
  const watched: FilePrimitives = {
    ...definedOf(primitives),
    identity: {
      ...identity,
      hasOpen: (pid, file, inode) => !closed.has(file.name) && identity.hasOpen?.(pid, file, inode),
    },
  };
  return {
    openWriter(writer) {
      const held: FileLock[] = [];
      const opened = openFilesystemWriter({
        directory,
        primitives: recordingLocks(watched, held),
        layout,
        writer,
      });
      locks.set(opened, held);
      return opened;
    },
    openReader: () => openFilesystemReader({ directory, primitives: watched }),
    // What the kernel does. That nothing is lost with a real process has tests of its own.
    kill(writer) {
      for (const lock of locks.get(writer) ?? []) lock.release();
      const { open } = readClaim(join(directory, `writer_${writer.writer}.lock`));
      if (open !== undefined) closed.add(open.name);
      killed.push(writer);
    },
    async [Symbol.asyncDispose]() {
      for (const writer of killed) await writer[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

/** The capabilities, which are getters of an object that a copy has not. */
function definedOf({ identity, locks, mapper }: FilePrimitives): FilePrimitives {
  return { identity, locks, mapper };
}

/** Primitives whose locks are given back once only, and are put into `held`. */
function recordingLocks(primitives: FilePrimitives, held: FileLock[]): FilePrimitives {
  const { locks } = primitives;
  if (locks === undefined) return primitives;
  return {
    ...primitives,
    locks: {
      isLocked: (path) => locks.isLocked(path),
      lock(path) {
        const lock = locks.lock(path);
        if (lock === undefined) return undefined;
        let isHeld = true;
        const once: FileLock = {
          release() {
            if (isHeld) lock.release();
            isHeld = false;
          },
        };
        held.push(once);
        return once;
      },
    },
  };
}
