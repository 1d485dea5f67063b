import { assertEquals } from "@std/assert";
import * as prom from "prom-client";
import { openProcessStorage } from "../../../src/adapters/storage/process_storage.ts";
import type { Storage } from "../../../src/adapters/storage/storage.ts";
import { SILENT_LOG } from "../../../src/core/log.ts";
import { createMemoryStorage } from "../../../src/core/memory_driver.ts";
import { Gauge, Registry } from "../../../src/core/mod.ts";

Deno.test("openProcessStorage() logs which metric cannot be collected", async () => {
  const registry = new Registry();
  const error = new Error("no connection");
  const collect = () => Promise.reject(error);
  const options = { help: "h", registers: [registry as never], collect };
  new Gauge({ name: "queue", ...options });
  new prom.Gauge({ name: "stock", ...options });
  const lines: unknown[] = [];
  const log = { ...SILENT_LOG, error: (...line: unknown[]) => void lines.push(line) };
  const writer = createMemoryStorage().openWriter({ writer: "1" });
  const storage = { openWriter: () => writer } as unknown as Storage;
  {
    await using _open = openProcessStorage({ storage, log, atExit: () => () => {} });
  }
  registry.clear();
  const line = (metric: string) => ["Cannot collect a metric", { metric, error }];
  assertEquals(new Set(lines), new Set([line("queue"), line("stock")]));
});
