/**
 * Uses the library in one way, and says what came of it; an error is one line.
 *
 * usage: use.ts USE [DIR] [HOST:PORT]
 */
import { metricsHandler, openStorage, serveMetrics } from "../../mod.ts";
import { Counter, instrument, type Log, register } from "../../mod.ts";
import { createMemoryStorage } from "../../src/core/mod.ts";
import { createMetricsPage } from "../../src/endpoint/mod.ts";

const [use, directory = "", address = "127.0.0.1:0"] = Deno.args;
const [hostname, port] = address.split(":") as [string, string];
const redis = { host: hostname, port: Number(port) };
const line = (message: string): void => console.log(message.split("\n")[0]);
const log: Log = { debug() {}, info() {}, warn: line, error: line };

async function page(answer: (request: Request) => Promise<Response>): Promise<string> {
  return await (await answer(new Request("http://localhost/metrics"))).text();
}

async function run(): Promise<void> {
  switch (use) {
    case "memory": {
      new Counter({ name: "counted_total", help: "h" }).inc(3);
      instrument((_: Request) => new Response("hello"))(new Request("http://localhost/"));
      const memory = createMemoryStorage();
      await using writer = memory.openWriter({ writer: "1" });
      const { values, index } = writer.allocate(
        "counter",
        undefined,
        '["stored_total", "stored_total", {}, "h"]',
      );
      values[index] = 4;
      const reader = memory.openReader();
      const answer = createMetricsPage({ reader, version: "1", runtime: "deno" });
      return console.log(await register.metrics(), await page(answer));
    }
    case "storage": {
      const options = directory === "" ? { log } : { directory, log };
      await using storage = openStorage(options);
      new Counter({ name: "counted_total", help: "h" }).inc(3);
      return console.log(`mapped=${storage.writer.survivesKill}`);
    }
    case "redis": {
      await using storage = openStorage({ redis, log });
      new Counter({ name: "counted_total", help: "h" }).inc(3);
      await page(metricsHandler({ log }));
      return console.log(`writer=${storage.writer.writer}`);
    }
    case "handler":
      return console.log(await page(metricsHandler({ directory, log })));
    case "redis handler":
      return console.log(await page(metricsHandler({ redis, log })));
    case "port": {
      const options = { directory, hostname, port: Number(port), log };
      await using metrics = await serveMetrics(options);
      console.log(`port=${metrics.port}`);
      // Whoever started this asks; nothing else keeps it.
      return await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
    default:
      throw new TypeError(`Cannot do ${JSON.stringify(use)}: it is no use, expected one`);
  }
}

try {
  await run();
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
