/** What happens to a directory while it is being read, at the moment when it hurts most. */
import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  type FilePrimitives,
  openFilesystemReader,
  retireWriters,
} from "../../../src/storage/filesystem/mod.ts";
import { COUNTER, openWorker, readPage, type Worker } from "../../support/retiring.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fileBytes, key, PRIMITIVES } from "./_support.ts";

const primitives = PRIMITIVES.mapped;
const FOLD = new URL("../../faults/programs/fold.ts", import.meta.url).pathname;

/**
 * Primitives for a reader that let something happen after it has loaded the accumulators and listed
 * the directory, and before it opens the first file: when it looks whether a writer lives.
 */
function disturbed(disturb: () => void): FilePrimitives {
  const locks = primitives.locks!;
  return {
    identity: primitives.identity,
    mapper: primitives.mapper,
    locks: {
      lock: locks.lock,
      isLocked(path) {
        const result = locks.isLocked(path);
        disturb();
        return result;
      },
    },
  };
}

/** Folds in another process, while this one stands still. */
function foldNow(directory: string): void {
  const { success } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", FOLD, directory, "0"],
  }).outputSync();
  if (!success) throw new Error("the fold failed");
}

async function liveAndCount(directory: string, id: string, value: number): Promise<void> {
  await using worker = openWorker(directory, id);
  worker.put(COUNTER, 0, value);
}

/** Calls a function the first time. */
function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) [done] = [true, act()];
  };
}

const SERIES = 'counter_total{item="0"}';

Deno.test("read() starts again when files are folded and removed after it has listed them", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndCount(directory, "1", 1);
  await retireWriters({ directory, primitives });
  await liveAndCount(directory, "2", 2);
  const fold = once(() => foldNow(directory));
  await using reader = openFilesystemReader({ directory, primitives: disturbed(fold) });
  assertStrictEquals((await readPage(reader))[SERIES], 3);
});

Deno.test("read() starts again when an accumulator is new, though every file is there", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndCount(directory, "1", 1);
  await retireWriters({ directory, primitives });
  await liveAndCount(directory, "1", 2);
  let worker: Worker | undefined;
  const foldAndReturn = once(() => {
    foldNow(directory);
    // A process that gets the pid of the dead one has files of the same names.
    worker = openWorker(directory, "1");
    worker.put(COUNTER, 0, 4);
  });
  await using reader = openFilesystemReader({ directory, primitives: disturbed(foldAndReturn) });
  assertStrictEquals((await readPage(reader))[SERIES], 7);
  assertStrictEquals(worker?.writer.writer, "1");
  await worker?.[Symbol.asyncDispose]();
});

Deno.test("read() starts again when a foreign file was set aside, though another has its name", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const path = `${directory}/counter_9.db`;
  await Deno.writeFile(path, fileBytes([{ key: key(1), value: 1 }]));
  await liveAndCount(directory, "1", 1);
  const setAside = once(() => {
    Deno.renameSync(path, `${directory}/counter_9~0123abcd.db`);
    Deno.writeFileSync(path, fileBytes([{ key: key(1), value: 2 }]));
  });
  await using reader = openFilesystemReader({ directory, primitives: disturbed(setAside) });
  assertEquals(await readPage(reader), { [SERIES]: 1, 'items_total{item="1"}': 3 });
});

Deno.test("read() starts again when there is a foreign file that its list has not", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndCount(directory, "1", 1);
  // A list that is made during a rename may have neither name; this file was put back since then.
  const putBack = once(() => {
    const file = fileBytes([{ key: key(1), value: 2 }]);
    Deno.writeFileSync(`${directory}/counter_9.db`, file);
  });
  await using reader = openFilesystemReader({ directory, primitives: disturbed(putBack) });
  assertEquals(await readPage(reader), { [SERIES]: 1, 'items_total{item="1"}': 2 });
});

Deno.test("read() asks for quiet when it is disturbed again and again, and counts what is there then", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await using alive = openWorker(directory, "0");
  alive.put(COUNTER, 0, 1);
  await retireWriters({ directory, primitives }); // makes the file that is locked
  let disturbances = 0;
  let quiet = false;
  const disturb = (): void => {
    disturbances++;
    // The lock is there to keep others from doing this.
    const lock = primitives.locks!.lock(`${directory}/retire.lock`);
    quiet = lock === undefined;
    lock?.release();
    for (const entry of [...Deno.readDirSync(directory)]) {
      if (entry.name.startsWith("counter_9")) Deno.removeSync(`${directory}/${entry.name}`);
    }
    const file = fileBytes([{ key: key(1), value: disturbances }]);
    Deno.writeFileSync(`${directory}/counter_9${disturbances}.db`, file);
  };
  await using reader = openFilesystemReader({ directory, primitives: disturbed(disturb) });
  disturb();
  const page = await readPage(reader);
  assertStrictEquals(disturbances, 7);
  assertStrictEquals(quiet, true);
  assertStrictEquals(page[SERIES], 1);
});
