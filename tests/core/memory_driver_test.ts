import { assertEquals, assertThrows } from "@std/assert";
import { StorageError } from "../../src/core/errors.ts";
import { createMemoryStorage } from "../../src/core/memory_driver.ts";
import { runDriverSuite } from "../conformance/driver_suite.ts";

runDriverSuite("memory", () => {
  const storage = createMemoryStorage();
  return {
    openWriter: (writer) => storage.openWriter({ writer }),
    openReader: () => storage.openReader(),
    kill: ({ writer }) => storage.setLiveness(writer, "dead"),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

runDriverSuite("memory, without times", () => {
  const storage = createMemoryStorage();
  return {
    openWriter: (writer) => storage.openWriter({ writer, storesTimestamps: false }),
    openReader: () => storage.openReader(),
    kill: ({ writer }) => storage.setLiveness(writer, "dead"),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

Deno.test("openWriter() refuses an id that was used before", () => {
  const storage = createMemoryStorage();
  storage.openWriter({ writer: "7" });
  assertThrows(() => storage.openWriter({ writer: "7" }), StorageError, '"7" was used before');
});

Deno.test("setLiveness() refuses a writer that does not exist", () => {
  const storage = createMemoryStorage();
  assertThrows(() => storage.setLiveness("7", "dead"), StorageError, 'no writer "7"');
});

Deno.test("read() shows the liveness and the start time that were set", async () => {
  const storage = createMemoryStorage();
  storage.openWriter({ writer: "7", startTime: 12 }).allocate("counter", undefined, "key");
  storage.setLiveness("7", "unknown");
  const { sources, writers } = await storage.openReader().read();
  assertEquals(sources.map(({ liveness, startTime }) => ({ liveness, startTime })), [
    { liveness: "unknown", startTime: 12 },
  ]);
  assertEquals(writers, { live: 0, dead: 0, unknown: 1 });
});
