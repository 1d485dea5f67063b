/**
 * Does one thing with a directory of metric files, on Node, and prints what came of it.
 *
 * usage: use_directory.mjs DIRECTORY write WRITER ADDS | read | claim | retire | contend ROUNDS | loop
 *     | fill SERIES
 */
import { closeSync, openSync, unlinkSync } from "node:fs";
import process from "node:process";
import { nodeFilePrimitives as primitives } from "../../../../src/adapters/node/file_primitives.ts";
import { prepareDirectory } from "../../../../src/storage/filesystem/directory.ts";
import {
  claimDirectory,
  type FilesystemReader,
  openFilesystemReader,
  openFilesystemWriter,
  retireWriters,
} from "../../../../src/storage/filesystem/mod.ts";
import {
  isTaken,
  prepareOffice,
  waitForOffice,
} from "../../../../src/storage/filesystem/office.ts";
import { add, key, valuesOf } from "../../../storage/filesystem/_series.ts";

const [directory = "", command, first = "", second] = process.argv.slice(2);

async function contend(rounds: number): Promise<void> {
  prepareDirectory(directory);
  prepareOffice(directory, "retire");
  for (let i = 0; i < rounds; i++) {
    const office = await waitForOffice(directory, "retire", primitives, 60_000);
    if (!isTaken(office)) throw new Error("waited in vain");
    // Fails when somebody else is in.
    closeSync(openSync(`${directory}/inside`, "wx"));
    await new Promise((resolve) => setTimeout(resolve, 1));
    unlinkSync(`${directory}/inside`);
    office.release();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Makes series and updates all of them, until long after the disk is full. */
async function fill(count: number): Promise<unknown> {
  const problems: string[] = [];
  const onProblem = ({ message }: { readonly message: string }) => problems.push(message);
  const writer = openFilesystemWriter({ directory, primitives, onProblem });
  const cells = Array.from(
    { length: count },
    (_, i) => writer.allocate("counter", undefined, key(i)),
  );
  for (let round = 0; round < 3; round++) {
    for (const cell of cells) add(cell, 1);
    await writer.flush();
  }
  return { unstored: writer.unstored, problems };
}

/** Retires and reads until it is ended; whenever there is more, or anything wrong, it says so. */
async function loop(): Promise<never> {
  const reader = openFilesystemReader({ directory, primitives });
  for (let before = 0;;) {
    await retireWriters({ directory, primitives });
    const { total, problems } = await readTotal(reader);
    if (total < before) throw new Error(`the total fell from ${before} to ${total}`);
    if (problems.length > 0) throw new Error(problems.join());
    if (total > before) console.log(`total=${total}`);
    before = total;
    await new Promise((resolve) => setTimeout(resolve, 5 * Math.random()));
  }
}

async function readTotal(reader: FilesystemReader) {
  const { sources, writers, problems } = await reader.read();
  const total = sources.flatMap((source) => [...valuesOf(source).values()])
    .reduce((sum, value) => sum + value, 0);
  return { writers, total, problems: problems.map(({ message }) => message) };
}

async function main(): Promise<unknown> {
  switch (command) {
    case "write": {
      const writer = openFilesystemWriter({ directory, primitives, writer: first });
      const cell = writer.allocate("counter", undefined, key(1));
      for (let i = 0; i < Number(second); i++) add(cell, 0.5);
      await writer.flush();
      setInterval(() => {}, 1000);
      return { writer: writer.writer, unstored: writer.unstored };
    }
    case "read":
      return await readTotal(openFilesystemReader({ directory, primitives }));
    case "claim":
      await claimDirectory({ directory, primitives, mode: "keep" });
      setInterval(() => {}, 1000);
      return "claimed";
    case "retire":
      return await retireWriters({ directory, primitives });
    case "contend":
      await contend(Number(first));
      return "done";
    case "fill":
      return await fill(Number(first));
    case "loop":
      return await loop();
    default:
      throw new Error(`no such command: ${command}`);
  }
}

main().then(
  (result) => console.log(JSON.stringify(result)),
  (error) => console.log(JSON.stringify({ error: (error as Error).message })),
);
