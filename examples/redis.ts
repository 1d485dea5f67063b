/**
 * An application whose metrics are in Redis: the same one on several hosts shows one page for all of
 * them. Nothing in it knows about that.
 *
 * ```sh
 * REDIS_ENABLED=true REDIS_HOST=127.0.0.1 deno run -A mod.ts serve examples/redis.ts --workers 2
 * curl http://localhost:8000/buy
 * curl http://localhost:9091/metrics
 * ```
 *
 * @module
 */
import { Counter, Gauge } from "../mod.ts";

/** Summed over the workers of all hosts, those that are gone too. */
const orders = new Counter({
  name: "shop_orders_total",
  help: "Orders taken.",
});

/** What the living workers of all hosts have open together. */
const baskets = new Gauge({
  name: "shop_open_baskets",
  help: "Baskets that are open now.",
  multiprocessMode: "livesum",
});

/** Opens a basket, or buys what is in one. */
export default {
  fetch(request: Request): Response {
    switch (new URL(request.url).pathname) {
      case "/open":
        baskets.inc();
        return new Response("Opened\n");
      case "/buy":
        baskets.dec();
        orders.inc();
        return new Response("Bought\n");
      default:
        return new Response("Try /open and /buy\n");
    }
  },
} satisfies Deno.ServeDefaultExport;
