import { assertEquals, assertStrictEquals } from "@std/assert";
import { type FilePrimitives, openFilesystemWriter } from "../../../src/storage/filesystem/mod.ts";
import { takeWorkerNumber } from "../../../src/storage/filesystem/worker_number.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";
import { PRIMITIVES } from "./_support.ts";

const primitives = PRIMITIVES.mapped;

/** The same process as seen from other pids, as in containers that share a directory. */
function asProcess(pid: number, pidNamespace?: number): FilePrimitives {
  const { identity, locks } = primitives;
  const { bootId } = identity;
  return {
    identity: { pid, bootId, pidNamespace, startTicks: () => undefined },
    locks,
    mapper: undefined,
  };
}

Deno.test("takeWorkerNumber() gives the lowest number that is free, whichever process has it", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const take = (id: string, as: FilePrimitives) => takeWorkerNumber(directory, id, as);
  const numbers = [
    take("77", asProcess(77)),
    take("77-2", asProcess(77)),
    take("78", asProcess(78)),
  ];
  assertEquals(numbers.map(({ number }) => number), [1, 2, 3]);
  numbers[1]!.release();
  // What a test beside this one is just starting has our locks for a moment.
  const again = await waitFor(() => {
    const taken = take("79", asProcess(79));
    if (taken.number === 2) return taken;
    taken.release();
    return undefined;
  });
  for (const taken of [numbers[0]!, numbers[2]!, again]) taken.release();
});

Deno.test("takeWorkerNumber() has the first writer of each process show what belongs to the process", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const shows = (pid: number, pidNamespace?: number) => {
    const primitives = asProcess(pid, pidNamespace);
    const writer = openFilesystemWriter({ directory, primitives });
    const { isFirst, release } = takeWorkerNumber(directory, writer.writer, primitives);
    release();
    return { writer, isFirst, id: writer.writer, end: () => writer[Symbol.asyncDispose]() };
  };
  const first = shows(77, 1);
  assertEquals([first.id, first.isFirst], ["77", true]);
  const second = shows(77, 1);
  assertEquals([second.id, second.isFirst], ["77-2", false]);
  const elsewhere = shows(77, 2);
  assertEquals([elsewhere.id, elsewhere.isFirst], ["77-3", true]);
  const other = shows(78, 1);
  assertEquals([other.id, other.isFirst], ["78", true]);
  for (const { end } of [first, second, elsewhere, other]) await end();
  // Their files stay until they are retired; a process with the same pid is another one.
  await waitFor(() => !primitives.locks!.isLocked(`${directory}/writer_77.lock`));
  await waitFor(() => !primitives.locks!.isLocked(`${directory}/writer_77-2.lock`));
  const successor = shows(77, 1);
  assertEquals([successor.id, successor.isFirst], ["77-4", true]);
  await successor.end();
});

Deno.test("takeWorkerNumber() gives no number twice, with and without locks", async () => {
  await using temp = await tempDir();
  const take = (kind: "mapped" | "unlocked") => takeWorkerNumber(temp.path, "77", PRIMITIVES[kind]);
  const [first, second, third] = [take("unlocked"), take("mapped"), take("unlocked")] as const;
  assertEquals([first, second, third].map(({ number }) => number), [1, 2, 3]);
  second.release();
  const again = take("unlocked");
  assertStrictEquals(again.number, 2);
  for (const { release } of [first, third, again]) release();
  const left = [...Deno.readDirSync(temp.path)].map(({ name }) => name);
  assertEquals(left.sort(), ["worker_1.lock", "worker_2.lock", "worker_3.lock"]);
});

Deno.test("takeWorkerNumber() sees without locks whether a writer is its process's first", async () => {
  await using temp = await tempDir();
  const primitives = PRIMITIVES.unlocked;
  const open = () => openFilesystemWriter({ directory: temp.path, primitives });
  const isFirst = ({ writer }: { readonly writer: string }): boolean => {
    const taken = takeWorkerNumber(temp.path, writer, primitives);
    taken.release();
    return taken.isFirst;
  };
  const first = open();
  await using second = open();
  assertEquals([isFirst(first), isFirst(second)], [true, false]);
  await first[Symbol.asyncDispose]();
  await using third = open();
  assertEquals([isFirst(second), isFirst(third)], [true, false]);
});

Deno.test("takeWorkerNumber() tries no number that others have, where each attempt costs a file", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const { unlocked } = PRIMITIVES;
  let made = 0;
  const counting: FilePrimitives = {
    ...unlocked,
    identity: {
      ...unlocked.identity,
      hasOpen(pid, file, inode) {
        // Whoever looks at a file of somebody else knows its inode.
        if (inode === undefined) made++;
        return unlocked.identity.hasOpen?.(pid, file, inode);
      },
    },
  };
  const taken = Array.from({ length: 5 }, () => takeWorkerNumber(directory, "1", counting));
  assertEquals(taken.map(({ number }) => number), [1, 2, 3, 4, 5]);
  assertStrictEquals(made, 5);
  for (const { release } of taken) release();
});
