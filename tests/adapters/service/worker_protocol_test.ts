import { assertEquals, assertStrictEquals } from "@std/assert";
import { saidByWorker } from "../../../src/adapters/service/worker_protocol.ts";

Deno.test("saidByWorker() gives what can be understood", () => {
  const said = [
    { "@gpe/cli": "hello" },
    { "@gpe/cli": "log", level: "warn", message: "Slow" },
    { "@gpe/cli": "log", level: "info", message: "Slow", fields: { ms: 5 }, shared: true },
    { "@gpe/cli": "failed", failure: { message: "Cannot start", permanent: true } },
  ];
  for (const message of said) assertStrictEquals(saidByWorker(message), message);
});

Deno.test("saidByWorker() gives nothing of what would fail where it is told on", () => {
  const unknown = [
    undefined,
    null,
    "hello",
    { hello: 1 },
    { "@gpe/cli": "log" },
    { "@gpe/cli": "log", level: "constructor", message: "Slow" },
    { "@gpe/cli": "log", level: "warn", message: 5 },
    { "@gpe/cli": "log", level: "warn", message: "Slow", fields: null },
    { "@gpe/cli": "log", level: "warn", message: "Slow", fields: 5 },
    { "@gpe/cli": "failed" },
    { "@gpe/cli": "failed", failure: null },
    { "@gpe/cli": "failed", failure: { message: 5, permanent: true } },
  ];
  assertEquals(unknown.map(saidByWorker), unknown.map(() => undefined));
});
