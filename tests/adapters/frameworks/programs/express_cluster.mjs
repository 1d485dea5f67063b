/** A cluster whose workers ask for their server to be recorded: `before` they listen, or `after`. */
import cluster from "node:cluster";
import { createServer } from "node:http";
import process from "node:process";
import express from "express";
import { runPrimary } from "@gpe/cli/node";
import { expressErrors, expressMiddleware, recordServer, startWorker } from "@gpe/cli/node";
import { ask } from "./asking.mjs";

const port = Number(process.env.PORT);

if (cluster.isPrimary) {
  let metrics = "";
  const stop = new AbortController();
  const ended = runPrimary({
    workers: 2,
    metricsHostname: "127.0.0.1",
    metricsPort: 0,
    signal: stop.signal,
    onRunning: ({ port }) => metrics = `http://127.0.0.1:${port}/metrics`,
  });
  const page = async () => metrics === "" ? "" : await (await fetch(metrics)).text();
  while (!/^gunicorn_workers\{state="running"\} 2$/m.test(await page())) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const url = `http://127.0.0.1:${port}`;
  // Each on a connection of its own: both workers get some, and neither waits for the client.
  const headers = { connection: "close" };
  for (let i = 0; i < 10; i++) {
    await ask(url, [`GET /users/${i} 200`, `GET /fails/${i} 500`], headers);
  }
  // Without koffi files are written ten times a second; the size of an answer is counted last.
  const answers = (text) =>
    [...text.matchAll(/_response_size_bytes_count\{.*\} (\d+)$/gm)]
      .reduce((sum, [, count]) => sum + Number(count), 0);
  let last = "";
  for (let tries = 0; answers(last) < 20 && tries < 500; tries++) {
    last = await page();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  console.log(last);
  stop.abort();
  process.exitCode = await ended;
} else {
  const app = express();
  app.set("env", "test");
  app.use(expressMiddleware());
  app.get("/users/:id", (request, response) => response.send(request.params.id));
  app.get("/fails/:id", () => {
    throw new RangeError("no");
  });
  app.use(expressErrors());
  await startWorker();
  const server = createServer(app);
  if (process.argv[2] === "before") recordServer(server).listen(port);
  else recordServer(server.listen(port));
}
