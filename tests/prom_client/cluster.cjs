/** prom-client's own example of a cluster, with the module's name changed and the ports of a test. */
const cluster = require("node:cluster");
const { createServer } = require("node:http");
const { AggregatorRegistry, Counter } = require("@gpe/cli");

const aggregatorRegistry = new AggregatorRegistry();

if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
  cluster.on("exit", (_worker, code) => code === 0 || cluster.fork());
  const server = createServer(async (_request, response) => {
    try {
      const metrics = await aggregatorRegistry.clusterMetrics();
      response.setHeader("Content-Type", aggregatorRegistry.contentType);
      response.end(metrics);
    } catch (error) {
      response.statusCode = 500;
      response.end(error.message);
    }
  });
  server.listen(0, "127.0.0.1", () => console.log(`metrics ${server.address().port}.`));
} else {
  const c = new Counter({ name: "test_counter", help: "Requests", labelNames: ["code"] });
  const server = createServer((request, response) => {
    c.inc({ code: 200 });
    response.end(`${process.pid}`);
    // One worker gets caught in a loop: nobody waits for it.
    if (request.url === "/hang") {
      setImmediate(() => {
        for (;;);
      });
    }
  });
  server.listen(0, "127.0.0.1", () => console.log(`app ${server.address().port}, ${process.pid}.`));
}
