import { assertEquals, assertThrows } from "@std/assert";
import * as prom from "prom-client";
import { createMemoryStorage } from "../../../src/core/memory_driver.ts";
import { Gauge, Registry } from "../../../src/core/mod.ts";
import { processStore } from "../../../src/core/process_store.ts";
import { snapshotAll } from "../../../src/core/snapshot.ts";

// A file of its own: it opens the store of the process, which all metrics of the process share.
const help = "h";

Deno.test("Registry connects what it takes with the store of the process, or refuses it whole", async () => {
  const storage = createMemoryStorage();
  const store = processStore();
  const registry = new Registry();
  const registers = [registry];
  const gauge = new Gauge({ name: "early", help, registers });
  gauge.set(1);
  store.open(storage.openWriter({ writer: "1", storesTimestamps: false }));
  try {
    const counter = new prom.Counter({ name: "c", help, registers: [] });
    counter.inc(2);
    registry.registerMetric(counter);
    registry.registerMetric(counter);
    const multiprocessMode = "mostrecent";
    assertThrows(
      () => new Gauge({ name: "late", help, registers, multiprocessMode }),
      Error,
      "layout",
    );
    assertEquals(registry.getSingleMetric("late"), undefined);
    assertThrows(() => new Gauge({ name: "c", help, registers }), Error, "already been registered");
    assertEquals(await snapshotAll(store), 0);
    const { sources } = await storage.openReader().read();
    assertEquals(sources.map(({ name, keys }) => [name, keys.length]), [
      ["counter_1", 1],
      ["gauge_all_1", 1],
    ]);
  } finally {
    store.detach();
  }
});
