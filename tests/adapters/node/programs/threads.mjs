/**
 * Opens the storage in threads and in the main thread, counts, and ends threads in each way there is.
 *
 * usage: threads.mjs, with PROMETHEUS_MULTIPROC_DIR
 */
import process from "node:process";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { aggregate, Counter, Gauge, openStorage } from "@gpe/cli";

const COUNTS = 1000;

const counter = new Counter({ name: "counted_total", help: "Counted." });
const gauge = new Gauge({ name: "threads", help: "Threads.", multiprocessMode: "livesum" });
const { writer } = openStorage({ retire: false });
gauge.set(1);

if (isMainThread) await runMain();
else runThread();

function runThread() {
  for (let i = 0; i < COUNTS; i++) counter.inc(0.5);
  if (workerData === "end") return;
  if (workerData === "exit") process.exit(0);
  setInterval(() => {}, 1000);
  void writer.flush().then(() => {
    // What terminate() could take away: less than 100 ms old. Said after it has been counted.
    for (let i = 0; i < 10; i++) counter.inc(1);
    parentPort.postMessage({ writer: writer.writer });
  });
}

async function runMain() {
  counter.inc(0.25);
  const ways = ["end", "exit", "terminate", "terminate", "stay"];
  const threads = ways.map((way) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: way });
    const ended = new Promise((resolve) => thread.once("exit", resolve));
    const spoke = new Promise((resolve) => thread.once("message", resolve));
    return { way, thread, ended, spoke };
  });
  const writers = [writer.writer];
  for (const { way, thread, ended, spoke } of threads) {
    if (way === "end" || way === "exit") {
      await ended;
      continue;
    }
    writers.push((await spoke).writer);
    if (way !== "terminate") continue;
    await thread.terminate();
  }
  console.log(JSON.stringify({ pid: process.pid, mapped: writer.survivesKill, writers }));
  console.log(await aggregate());
  process.exit(0);
}
