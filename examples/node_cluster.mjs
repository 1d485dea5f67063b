/**
 * A cluster of Node: the primary shows the metrics of all workers.
 *
 * ```sh
 * GUNICORN_WORKERS=4 node node_cluster.mjs
 * curl http://localhost:8000/?item=tea
 * curl http://localhost:9091/metrics
 * ```
 *
 * @module
 */
import cluster from "node:cluster";
import { createServer } from "node:http";
import process from "node:process";
import { Counter } from "@gpe/cli";
import { runPrimary, startWorker } from "@gpe/cli/node";

if (cluster.isPrimary) {
  process.exitCode = await runPrimary();
} else {
  const orders = new Counter({
    name: "shop_orders_total",
    help: "Orders taken.",
    labelNames: ["item"],
  });

  await startWorker();
  createServer((request, response) => {
    const item = new URL(`http://localhost${request.url}`).searchParams.get("item");
    if (item !== null) orders.inc({ item });
    response.writeHead(item === null ? 400 : 200).end(`One ${item ?? "what?"}\n`);
  }).listen(Number(process.env.PORT ?? 8000));
}
