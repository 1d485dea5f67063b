/**
 * Retires the writers of a directory, and kills itself after a step: `fold.ts DIRECTORY STEP`. Ends
 * with 0 when it got through before.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import {
  FILE_OPERATIONS,
  type FileOperations,
} from "../../../src/storage/filesystem/file_operations.ts";
import { retireWriters } from "../../../src/storage/filesystem/mod.ts";

const [directory, last] = Deno.args as [string, string];
let steps = 0;

/** Long enough for others to look at the directory as it is now. */
const PAUSE_MS = 3;

const nothing = new Int32Array(new SharedArrayBuffer(4));

function step(): void {
  if (++steps === Number(last)) Deno.kill(Deno.pid, "SIGKILL");
  Atomics.wait(nothing, 0, 0, PAUSE_MS);
}

const operations: FileOperations = {
  async create(path, bytes) {
    if (steps + 1 === Number(last)) {
      const file = openSync(path, "wx");
      writeSync(file, bytes, 0, bytes.length >> 1);
      closeSync(file);
    }
    step();
    await FILE_OPERATIONS.create(path, bytes);
    step();
  },
  note(path, text) {
    FILE_OPERATIONS.note(path, text);
    step();
  },
  rename(from, to) {
    FILE_OPERATIONS.rename(from, to);
    step();
  },
  link(from, to) {
    FILE_OPERATIONS.link(from, to);
    step();
  },
  unlink(path) {
    FILE_OPERATIONS.unlink(path);
    step();
  },
};

await retireWriters({
  directory,
  primitives: denoFilePrimitives,
  operations,
  retention: { seconds: 0, writers: 0 },
});
