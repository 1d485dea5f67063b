/**
 * Runs the suite of the drivers with files on Node, and prints one line of JSON for each test.
 *
 * usage: driver_suite.mjs mapped|plain
 */
import "./disposable_stack.ts";
import process from "node:process";
import { nodeFilePrimitives } from "../../../../src/adapters/node/file_primitives.ts";
import { runDriverSuite } from "../../../conformance/driver_suite.ts";
import { openFilesystemHarness } from "../../../conformance/filesystem_harness.ts";

const isMapped = process.argv[2] === "mapped";
for (const capability of ["mapper", "locks", "hasWriters"] as const) {
  const isThere = nodeFilePrimitives[capability] !== undefined;
  if (isThere !== isMapped) throw new Error(`${capability}: ${isThere}, expected ${isMapped}`);
}

const tests: { title: string; run: () => Promise<void> }[] = [];
runDriverSuite(
  "filesystem",
  () => openFilesystemHarness(nodeFilePrimitives, "timestamp"),
  (title, run) => tests.push({ title, run }),
);
for (const { title, run } of tests) {
  let failure = "";
  try {
    await run();
  } catch (error) {
    failure = String((error as Error).stack ?? error);
  }
  console.log(JSON.stringify({ title, failure }));
}
