import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as promClient from "prom-client";
import * as gpe from "../mod.ts";
import { parseExposition, sumOf } from "./support/exposition.ts";
import { tempDir } from "./support/temp_dir.ts";

Deno.test("the module has what programs use of prom-client, under the same names", () => {
  // Left out: a client for another server, and the IPC that our storage replaces with its functions.
  const left = ["Pushgateway", "AggregatorRegistry", "aggregators", "default", "module.exports"];
  const missing = Object.keys(promClient).filter((name) => !left.includes(name) && !(name in gpe));
  assertEquals(missing, []);
});

Deno.test("aggregate() and metricsHandler() show what all workers have counted until now", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  const counter = new gpe.Counter({ name: "mod_test_total", help: "Counted" });
  const gauge = new gpe.Gauge({
    name: "mod_test_collected",
    help: "Set when collected",
    multiprocessMode: "sum",
    collect() {
      this.set(7);
    },
  });
  const handler = gpe.metricsHandler();
  await using _storage = gpe.openStorage({ directory });
  counter.inc(0.1);
  assertStringIncludes(await gpe.aggregate(), "\nmod_test_total 0.1\n");
  counter.inc(0.2);
  const response = await handler(new Request("http://localhost/any/path"));
  assertEquals(response.status, 200);
  const samples = parseExposition(await response.text());
  assertEquals(samples.get("mod_test_total"), 0.1 + 0.2);
  assertEquals(samples.get("mod_test_collected"), 7);
  assert((samples.get("gunicorn_sidecar_multiproc_files") ?? 0) >= 2);
  assertEquals(await gpe.aggregate({ directory: `${temp.path}/other` }), "");
  gpe.register.removeSingleMetric(counter.name);
  gpe.register.removeSingleMetric(gauge.name);
});

Deno.test("aggregate() does not wait for a collect() that never ends", async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  const stuck = new gpe.Gauge({
    name: "mod_test_stuck",
    help: "Never collected",
    collect: () => new Promise<void>(() => {}),
  });
  const counter = new gpe.Counter({ name: "mod_test_free_total", help: "Counted" });
  await using _storage = gpe.openStorage({ directory });
  counter.inc();
  assertStringIncludes(await gpe.aggregate(), "\nmod_test_free_total 1\n");
  gpe.register.removeSingleMetric(stuck.name);
  gpe.register.removeSingleMetric(counter.name);
});

Deno.test("collectDefaultMetrics() registers with our registry, so that the metrics are stored", async () => {
  await using temp = await tempDir();
  await using _storage = gpe.openStorage({ directory: `${temp.path}/metrics` });
  gpe.collectDefaultMetrics({ prefix: "mod_", labels: { app: "a" } });
  assertEquals(
    gpe.collectDefaultMetrics.metricsList,
    promClient.collectDefaultMetrics.metricsList,
  );
  assertStringIncludes(await gpe.register.metrics(), "mod_process_resident_memory_bytes{");
  const samples = parseExposition(await gpe.aggregate());
  assert(sumOf(samples, "mod_process_resident_memory_bytes", { app: "a" }) > 1e6);
  assert(sumOf(samples, "mod_process_cpu_seconds_total") > 0);
  gpe.register.clear();
  const theirs = new promClient.Registry();
  gpe.collectDefaultMetrics({ register: theirs });
  assertStringIncludes(await theirs.metrics(), "\nprocess_resident_memory_bytes ");
  const ours = new gpe.Registry();
  gpe.collectDefaultMetrics({ register: ours });
  assertStringIncludes(await ours.metrics(), "\nprocess_resident_memory_bytes ");
});

Deno.test("collectDefaultMetrics() takes our registry where none is named, and options as prom-client does", async () => {
  for (const options of [{ register: undefined }, null]) {
    gpe.collectDefaultMetrics(options as never);
    assertStringIncludes(await gpe.register.metrics(), "\nprocess_resident_memory_bytes ");
    gpe.register.clear();
  }
  for (const library of [promClient, gpe]) {
    assertThrows(
      () => library.collectDefaultMetrics("mod_" as never),
      TypeError,
      "config must be null, undefined, or an object",
    );
  }
});
