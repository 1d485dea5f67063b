import type { StorageWriter } from "../../../src/core/storage.ts";
import {
  type FileLock,
  type FilePrimitives,
  openFilesystemReader,
  openFilesystemWriter,
} from "../../../src/storage/filesystem/mod.ts";
import { runDriverSuite } from "../../conformance/driver_suite.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { KINDS, LAYOUTS, PRIMITIVES } from "./_support.ts";

for (const kind of KINDS) {
  for (const layout of LAYOUTS) {
    runDriverSuite(`filesystem (${kind}, ${layout})`, async () => {
      const primitives = PRIMITIVES[kind];
      const temp = await tempDir();
      const locks = new Map<StorageWriter, FileLock[]>();
      const killed: StorageWriter[] = [];
      return {
        openWriter(writer) {
          const held: FileLock[] = [];
          const opened = openFilesystemWriter({
            directory: temp.path,
            primitives: recordingLocks(primitives, held),
            layout,
            writer,
          });
          locks.set(opened, held);
          return opened;
        },
        openReader: () => openFilesystemReader({ directory: temp.path, primitives }),
        // What the kernel does. That nothing is lost with a real process: durability_test.ts.
        kill(writer) {
          for (const lock of locks.get(writer) ?? []) lock.release();
          killed.push(writer);
        },
        async [Symbol.asyncDispose]() {
          for (const writer of killed) await writer[Symbol.asyncDispose]();
          await temp[Symbol.asyncDispose]();
        },
      };
    });
  }
}

/** Primitives whose locks are given back once only, and are put into `held`. */
function recordingLocks(
  { identity, locks, mapper }: FilePrimitives,
  held: FileLock[],
): FilePrimitives {
  if (locks === undefined) throw new Error("Cannot run the suite: this runtime cannot lock files");
  return {
    identity,
    mapper,
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
