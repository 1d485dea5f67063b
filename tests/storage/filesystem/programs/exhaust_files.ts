/**
 * Reads a directory, again with no file left to open, and once more.
 *
 * usage: exhaust_files.ts DIRECTORY, with a low limit of open files
 */
import { openFilesystemReader } from "../../../../src/storage/filesystem/mod.ts";
import { PRIMITIVES, valuesOf } from "../_support.ts";

const [directory] = Deno.args as [string];
const reader = openFilesystemReader({ directory, primitives: PRIMITIVES.buffered });
async function report(): Promise<void> {
  const { sources, writers, problems } = await reader.read();
  const values = sources.map((source) => [...valuesOf(source).values()]);
  console.log(JSON.stringify({ values, writers, problems: problems.length > 0 }));
}
await report();
const open: Deno.FsFile[] = [];
let isExhausted = false;
while (!isExhausted) {
  try {
    open.push(Deno.openSync("/dev/null"));
  } catch {
    isExhausted = true;
  }
}
await report();
for (const file of open) file.close();
await report();
