/**
 * Releases a lock again and again, twice each time, while threads start processes, and prints how often
 * it was still held then: `{ "released": 500, "held": 0 }`. On Deno and on Node.
 *
 * usage: released_locks FILE
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import { nodeFilePrimitives } from "../../../src/adapters/node/file_primitives.ts";

const ROUNDS = 500;

if (isMainThread) await releaseLocks(process.argv[2]!);
else await startProcesses();

async function releaseLocks(path: string): Promise<void> {
  const { locks } = "Deno" in globalThis ? denoFilePrimitives : nodeFilePrimitives;
  for (let i = 0; i < 2; i++) await once(new Worker(new URL(import.meta.url)), "message");
  let held = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const lock = locks!.lock(path);
    // Some process is being started by now.
    for (const end = performance.now() + 1; performance.now() < end;);
    lock?.release();
    // Another file gets its number, and is not closed in its place.
    const another = openSync(path, "r");
    lock?.release();
    closeSync(another);
    if (lock === undefined || locks!.isLocked(path)) held++;
  }
  console.log(JSON.stringify({ released: ROUNDS, held }));
  process.exit();
}

async function startProcesses(): Promise<never> {
  while (true) {
    await once(spawn("true", { stdio: "ignore" }), "exit");
    parentPort!.postMessage("started");
  }
}
