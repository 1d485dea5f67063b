/**
 * Opens the storage as an application does, counts, and ends as asked.
 *
 * usage: ends.mjs exit|end|throw|reject|dispose|wait|listen|listen-once|listen-last|
 *     listen-again|emit, with PROMETHEUS_MULTIPROC_DIR
 */
import process from "node:process";
import { Counter, openStorage } from "@gpe/cli";

const counter = new Counter({ name: "counted_total", help: "Counted." });
counter.inc(2);
const storage = openStorage();
counter.inc(3);
console.log(`mapped=${storage.writer.survivesKill} unstored=${storage.writer.unstored}`);
// From here on nothing has been flushed: the interval comes later.
counter.inc(0.5);

/** Goes on for a while after the signal, and counts meanwhile. */
function stopLater() {
  counter.inc(1);
  setTimeout(() => {
    counter.inc(1);
    process.exit(5);
  }, 50);
}

/** As npm's signal-exit does: ends the process where nobody else listens. */
function endIfLast(signal) {
  if (process.listenerCount(signal) > 1) return;
  process.off(signal, endIfLast);
  process.kill(process.pid, signal);
}

/** Listens once, and is sent the signal again. */
function waitForAnother(signal) {
  setTimeout(() => {
    counter.inc(1);
    process.kill(process.pid, signal);
  }, 0);
}

switch (process.argv[2]) {
  case "exit":
    process.exit(3);
    break;
  case "throw":
    throw new Error("thrown by the application");
  case "reject":
    Promise.reject(new Error("thrown by the application"));
    break;
  case "dispose":
    await storage[Symbol.asyncDispose]();
    break;
  case "wait":
    setInterval(() => {}, 1000);
    break;
  case "listen":
    process.on("SIGTERM", stopLater);
    setInterval(() => {}, 1000);
    break;
  case "listen-once":
    process.once("SIGTERM", stopLater);
    setInterval(() => {}, 1000);
    break;
  case "listen-last":
    process.on("SIGTERM", endIfLast);
    setInterval(() => {}, 1000);
    break;
  case "listen-again":
    process.once("SIGTERM", waitForAnother);
    setInterval(() => {}, 1000);
    break;
  case "emit":
    // Nobody listens yet: nothing comes of it.
    process.emit("SIGTERM");
    process.once("SIGTERM", stopLater);
    process.emit("SIGTERM");
}
console.log("ready");
