/**
 * An application for `deno serve --parallel`: the isolates of one process share the port, and
 * `/metrics` shows the metrics of all of them, whichever is asked.
 *
 * ```sh
 * DENO_JOBS=4 deno serve --parallel -A examples/parallel.ts
 * curl http://localhost:8000/buy
 * curl http://localhost:8000/metrics
 * ```
 *
 * @module
 */
import { Counter, instrument, metricsHandler, openStorage } from "../mod.ts";

// Each isolate has a writer of its own. First of all, so that each has a `worker_id` of its own too.
openStorage();

/** Summed over all isolates, those of former runs too. */
const orders = new Counter({ name: "shop_orders_total", help: "Orders taken." });

const metrics = metricsHandler();

/** Takes orders. */
export default instrument({
  fetch(request: Request): Response | Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/metrics":
        return metrics(request);
      case "/buy":
        orders.inc();
        return new Response("Bought\n");
      default:
        return new Response("Try /buy and /metrics\n");
    }
  },
});
