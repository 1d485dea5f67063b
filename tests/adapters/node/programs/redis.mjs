/**
 * Counts on Redis, and shows the page of all processes.
 *
 * usage: redis.mjs URL count|page
 */
import process from "node:process";
import { Counter, metricsHandler, openStorage } from "@gpe/cli";

const [url, what] = process.argv.slice(2);
const storage = openStorage({ redis: { url, ttlSeconds: 1 } });
const counter = new Counter({ name: "counted_total", help: "Counted." });

if (what === "count") {
  counter.inc(0.1);
  await storage.writer.flush();
  console.log(`writer=${storage.writer.writer}`);
  setInterval(() => {}, 1000);
} else {
  const handler = metricsHandler();
  const response = await handler(new Request("http://localhost/metrics"));
  console.log(await response.text());
  await storage[Symbol.asyncDispose]();
}
