import { assertRejects, assertThrows } from "@std/assert";
import { aggregate, metricsHandler, openStorage, serveMetrics } from "../../../mod.ts";

const STORAGES: [given: unknown, text: string][] = [
  ["/tmp/metrics", 'options is "/tmp/metrics", expected an object such as { directory }'],
  [{ directory: "" }, 'directory is "", expected the path of a directory'],
  [{ directory: null }, "directory is null, expected the path of a directory"],
  [{ directory: 5 }, "directory is 5, expected the path of a directory"],
  [{ directory: "/tmp/metrics", layout: "values" }, 'layout is "values", expected "timestamp" or'],
  [{ redis: "redis://:secret@localhost" }, "redis is a string, expected an object such as { url:"],
  [{ redis: null }, "redis is null, expected an object such as { url:"],
];

Deno.test("a storage is refused where its options are not of their kind: it would be another one", async () => {
  for (const [given, text] of STORAGES) {
    const message = `Cannot use a storage: ${text}`;
    assertThrows(() => openStorage(given as never), TypeError, message);
    assertThrows(() => metricsHandler(given as never), TypeError, message);
    await assertRejects(() => aggregate(given as never), TypeError, message);
    await assertRejects(() => serveMetrics(given as never), TypeError, message);
  }
});

Deno.test("a prefix is refused with which Prometheus would refuse the page", async () => {
  const text = 'Cannot name metrics: metricPrefix is "my app", expected letters, digits and';
  const given = { directory: "/tmp/metrics", metricPrefix: "my app" };
  assertThrows(() => metricsHandler(given), TypeError, text);
  await assertRejects(() => serveMetrics(given), TypeError, text);
});
