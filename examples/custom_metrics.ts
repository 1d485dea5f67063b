/**
 * Metrics of your own: the same classes and options as prom-client's, and for gauges the mode in
 * which the values of several workers become one.
 *
 * ```sh
 * deno run -A mod.ts serve examples/custom_metrics.ts --workers 2
 * curl http://localhost:8000/buy?item=tea
 * curl http://localhost:9091/metrics
 * ```
 *
 * @module
 */
import { Counter, Gauge, Histogram } from "../mod.ts";

/** Summed over all workers, the dead ones too. */
const orders = new Counter({
  name: "shop_orders_total",
  help: "Orders taken, by item.",
  labelNames: ["item"],
});

/** Its buckets are summed as the counter is. */
const orderPrice = new Histogram({
  name: "shop_order_price_euros",
  help: "Prices of orders.",
  buckets: [1, 2, 5, 10, 20, 50],
});

/** One series for each worker, told apart by the label `pid`. */
const cacheEntries = new Gauge({
  name: "shop_cache_entries",
  help: "Entries in this worker's cache.",
  multiprocessMode: "liveall",
});

/** One number for the service: what all living workers have open together. */
const openBaskets = new Gauge({
  name: "shop_open_baskets",
  help: "Baskets that are open now.",
  multiprocessMode: "livesum",
});

/** The highest value any worker ever saw, kept when that worker is gone. */
const dearestOrder = new Gauge({
  name: "shop_dearest_order_euros",
  help: "The highest price so far.",
  multiprocessMode: "max",
});

/** Whoever set it last is right. */
const lastOrderTime = new Gauge({
  name: "shop_last_order_timestamp_seconds",
  help: "When the last order was taken, in seconds since 1970.",
  multiprocessMode: "mostrecent",
});

const PRICES: Readonly<Record<string, number>> = { tea: 3.1, coffee: 4.2, cake: 12.5 };
const cache = new Set<string>();

function buy(item: string): Response {
  const price = PRICES[item];
  if (price === undefined) return new Response("No such item\n", { status: 404 });
  orders.inc({ item });
  orderPrice.observe(price);
  cache.add(item);
  cacheEntries.set(cache.size);
  if (price > highest) dearestOrder.set(highest = price);
  lastOrderTime.setToCurrentTime();
  return new Response(`One ${item}: ${price} EUR\n`);
}
let highest = 0;

/** Sells tea, coffee and cake. */
export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname !== "/buy") return new Response("Try /buy?item=tea\n");
    openBaskets.inc();
    try {
      // Stands for the work of an order, during which other requests are served.
      await new Promise((resolve) => setTimeout(resolve, 1));
      return buy(url.searchParams.get("item") ?? "");
    } finally {
      openBaskets.dec();
    }
  },
} satisfies Deno.ServeDefaultExport;
