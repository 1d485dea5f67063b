/**
 * The metrics endpoint beside an application, on `node:http`.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { formatAddress } from "../../config/parsers.ts";
import { nodeHandler } from "../http/node_handler.ts";
import type { MetricsHostOptions, MetricsServer } from "../metrics_host.ts";

/** How long a client that reads slowly may keep a stopping server. */
const STOP_MS = 1000;

/**
 * Hosts it without keeping the process alive. In a worker of `node:cluster` the port is the worker's
 * own all the same, and not shared with the others.
 *
 * @throws {Error} One line that says why the address cannot be listened on, with its cause.
 */
export function hostInBackground(options: MetricsHostOptions): Promise<MetricsServer> {
  const { handler, hostname, port, log } = options;
  const listener = nodeHandler(handler);
  const server = createServer((request, response) => {
    listener(request, response, (error) => {
      log.error("Cannot answer a request to the metrics endpoint", { error });
      response.writeHead(500).end("Cannot answer\n");
    });
  });
  // Connections that are kept open would hold up the end of the process.
  server.on("connection", (socket) => socket.unref());
  const stop = async (): Promise<void> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, STOP_MS));
    await Promise.race([new Promise((resolve) => server.close(resolve)), late]);
    clearTimeout(timer);
    server.closeAllConnections();
  };
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const quoted = JSON.stringify(formatAddress({ hostname, port }));
      const message = `Cannot listen on ${quoted} for the metrics endpoint: ${cause.message}`;
      reject(new Error(message, { cause }));
    });
    server.listen({ host: hostname, port, exclusive: true }, () => {
      server.unref();
      const address = server.address() as AddressInfo;
      resolve({
        hostname: address.address,
        port: address.port,
        stop,
        [Symbol.asyncDispose]: stop,
      });
    });
  });
}
