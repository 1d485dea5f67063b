/**
 * A cluster on Node: four workers, one page with the metrics of all.
 *
 * ```sh
 * npm install @gpe/cli koffi
 * node node_cluster.mjs
 * curl http://localhost:8000/
 * curl http://localhost:9091/metrics
 * ```
 *
 * @module
 */
import cluster from "node:cluster";
import http from "node:http";
import process from "node:process";
import { Counter } from "@gpe/cli";
import { runPrimary, startWorker } from "@gpe/cli/node";

if (cluster.isPrimary) {
  // Until SIGTERM or Ctrl-C. The directory comes from PROMETHEUS_MULTIPROC_DIR, the endpoint's address
  // from PROMETHEUS_BIND_ADDRESS and PROMETHEUS_METRICS_PORT.
  process.exitCode = await runPrimary({ workers: 4 });
} else {
  await startWorker();
  const orders = new Counter({
    name: "shop_orders_total",
    help: "Orders taken.",
    labelNames: ["item"],
  });
  const server = http.createServer((request, response) => {
    const item = new URL(request.url, "http://localhost").searchParams.get("item") ?? "tea";
    if (item === "boat") {
      response.statusCode = 404;
      return response.end("We have no boats\n");
    }
    orders.inc({ item });
    response.end("Thanks\n");
  });
  server.listen(Number(process.env.PORT ?? 8000));
}
