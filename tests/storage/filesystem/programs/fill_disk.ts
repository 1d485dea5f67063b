/**
 * Makes series until long after the disk is full, updating all of them; then one more once a line
 * arrives on stdin, which says that there is room again.
 *
 * usage: fill_disk.ts DIRECTORY mapped|buffered
 */
import type { Cell } from "../../../../src/core/storage.ts";
import { openFilesystemWriter } from "../../../../src/storage/filesystem/mod.ts";
import { add, key, PRIMITIVES } from "../_support.ts";

const [directory, kind] = Deno.args as [string, "mapped" | "buffered"];
let now = Date.now();
const problems: string[] = [];
const writer = openFilesystemWriter({
  directory,
  primitives: PRIMITIVES[kind],
  now: () => now,
  onProblem: ({ message }) => problems.push(message),
});
const cells: Cell[] = [];
const allocate = (): void => {
  cells.push(writer.allocate("counter", undefined, key(cells.length)));
};
while (cells.length < 20_000) allocate();
writer.allocate("gauge", "all", key("other file"));
for (let round = 0; round < 3; round++) {
  for (const cell of cells) add(cell, 1);
  await writer.flush();
}
console.log(JSON.stringify({ unstored: writer.unstored, problems }));
await Deno.stdin.read(new Uint8Array(1));
now += 10_000;
const { unstored } = writer;
allocate();
await writer.flush();
console.log(JSON.stringify({ unstored: writer.unstored - unstored, problems: [] }));
await writer[Symbol.asyncDispose]();
// Deno 2.9.6 sometimes ends by SIGSEGV when a program runs to its end while V8 still compiles hot code
// in another thread (not with --v8-flags=--no-concurrent-recompilation, and not by this way out).
Deno.exit(0);
