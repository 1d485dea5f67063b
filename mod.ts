/**
 * Exact Prometheus metrics for servers that run as many workers.
 *
 * The metric classes are a drop-in for prom-client 15, with a `multiprocessMode` for gauges.
 * {@linkcode instrument} records an app's requests, {@linkcode openStorage} connects the metrics of
 * a process with those of the others, and {@linkcode metricsHandler} or {@linkcode aggregate} shows
 * the metrics of all.
 *
 * @example
 * ```ts
 * import { Counter, instrument, register } from "@gpe/cli";
 *
 * const orders = new Counter({ name: "orders_total", help: "Orders taken", labelNames: ["shop"] });
 * const north = orders.labels("north");
 * const app = instrument((_request: Request) => {
 *   north.inc();
 *   return new Response("thanks");
 * });
 *
 * await app(new Request("http://localhost/")); // in a server: Deno.serve(app)
 * console.log(await register.metrics());
 * ```
 *
 * Run as a program, this module is the command line `gpe`.
 *
 * @module
 */
export * from "./src/mod.ts";
export { default } from "./src/mod.ts";

if (import.meta.main) {
  // No top-level await: a module that has one cannot be loaded with require().
  import("./src/cli/main.ts").then(async ({ main }) => Deno.exit(await main(Deno.args)));
}
