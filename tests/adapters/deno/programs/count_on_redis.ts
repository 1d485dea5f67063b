/**
 * Counts on Redis, shows the metrics of all, and ends.
 *
 * Arguments: `options PORT` takes the options, `environment` the variables, `client PORT` a client.
 */
import {
  aggregate,
  Counter,
  metricsHandler,
  openStorage,
  type RedisClient,
  type RedisOptions,
} from "../../../../mod.ts";

const [how, port = "0"] = Deno.args;
const counter = new Counter({ name: "library_total", help: "Counted." });
counter.inc(2);

async function redis(): Promise<RedisOptions | undefined> {
  if (how === "environment") return undefined;
  if (how === "options") return { host: "127.0.0.1", port: Number(port), keyPrefix: "library" };
  const { Redis } = await import("npm:ioredis@^6.0.0");
  const client: unknown = new Redis({ host: "127.0.0.1", port: Number(port) });
  return { client: client as RedisClient, keyPrefix: "library" };
}

const options = await redis();
const handler = metricsHandler();
{
  await using storage = openStorage(options === undefined ? {} : { redis: options });
  counter.inc(0.5);
  const response = await handler(new Request("http://localhost/"));
  const page = await response.text();
  console.log(JSON.stringify({
    status: response.status,
    writer: storage.writer.writer,
    connected: /^gunicorn_sidecar_redis_connected 1$/m.test(page),
    own: /^library_total (.*)$/m.exec(page)?.[1],
    all: /^library_total (.*)$/m.exec(await aggregate())?.[1],
  }));
}
Deno.exit(0);
