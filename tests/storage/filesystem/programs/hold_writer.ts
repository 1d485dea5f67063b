/**
 * Opens a writer, adds to it as asked, says so, and then waits to be ended.
 *
 * usage: hold_writer.ts DIRECTORY mapped|buffered ADDS [WRITER]
 */
import { openFilesystemWriter } from "../../../../src/storage/filesystem/mod.ts";
import { add, key, PRIMITIVES } from "../_support.ts";

const [directory, kind, adds, writer] = Deno.args as [
  string,
  "mapped" | "buffered",
  string,
  string?,
];
const opened = openFilesystemWriter({
  directory,
  primitives: PRIMITIVES[kind],
  ...(writer === undefined ? {} : { writer }),
});
const cells = Array.from({ length: 1000 }, (_, i) => opened.allocate("counter", undefined, key(i)));
for (let i = 0; i < Number(adds); i++) add(cells[i % cells.length]!, 0.5);
console.log(`writer=${opened.writer} unstored=${opened.unstored}`);
setInterval(() => {}, 1000);
