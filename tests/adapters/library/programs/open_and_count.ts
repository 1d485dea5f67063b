/**
 * Opens the storage as an application does, counts, and ends as asked.
 *
 * usage: open_and_count.ts exit|dispose|wait|go, with PROMETHEUS_MULTIPROC_DIR set
 */
import { openStorage } from "../../../../src/adapters/library/open_storage.ts";
import { Counter, Gauge } from "../../../../src/core/mod.ts";

// Before the storage is open, as at the load of a module.
const early = new Counter({ name: "early_total", help: "h" });
early.inc(2);
const storage = openStorage();
if (Deno.args[0] === "go") Deno.chdir("elsewhere");
early.inc(3);
new Counter({ name: "late_total", help: "h" }).inc(0.5);
let collected = 0;
new Gauge({
  name: "collected",
  help: "h",
  multiprocessMode: "max",
  collect() {
    this.set(++collected);
  },
});
try {
  openStorage();
} catch (error) {
  console.log((error as Error).message);
}
console.log(`mapped=${storage.writer.survivesKill} unstored=${storage.writer.unstored}`);
switch (Deno.args[0]) {
  case "exit":
    Deno.exit(3);
    break;
  case "go":
  case "dispose":
    await storage[Symbol.asyncDispose]();
    break;
  case "wait":
    setInterval(() => {}, 1000);
}
