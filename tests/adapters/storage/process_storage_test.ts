import { assertEquals } from "@std/assert";
import * as prom from "prom-client";
import { openProcessStorage } from "../../../src/adapters/storage/process_storage.ts";
import type { Storage } from "../../../src/adapters/storage/storage.ts";
import { SILENT_LOG } from "../../../src/core/log.ts";
import { createMemoryStorage } from "../../../src/core/memory_driver.ts";
import { Gauge, Registry } from "../../../src/core/mod.ts";
import { waitFor } from "../../support/wait_for.ts";

Deno.test("openProcessStorage() logs once which metric cannot be collected", async () => {
  const registry = new Registry();
  const error = new Error("no connection");
  const runs = { queue: 0, stock: 0 };
  const optionsOf = (name: keyof typeof runs) => ({
    name,
    help: "h",
    registers: [registry as never],
    collect() {
      runs[name]++;
      return Promise.reject(error);
    },
  });
  new Gauge(optionsOf("queue"));
  new prom.Gauge(optionsOf("stock"));
  const lines: unknown[] = [];
  const log = { ...SILENT_LOG, error: (...line: unknown[]) => void lines.push(line) };
  const writer = createMemoryStorage().openWriter({ writer: "1" });
  const storage = { openWriter: () => writer } as unknown as Storage;
  {
    await using _open = openProcessStorage({ storage, log, atExit: () => () => {} });
    await waitFor(() => runs.queue > 1 && runs.stock > 1);
  }
  registry.clear();
  const line = (metric: string) => ["Cannot collect a metric", { metric, error }];
  assertEquals(lines.length, 2);
  assertEquals(new Set(lines), new Set([line("queue"), line("stock")]));
});
