/**
 * Hosts the metrics endpoint on a server of `node:http` or `node:https`.
 *
 * @module
 */
import http from "node:http";
import https from "node:https";
import { clearTimeout, setTimeout } from "node:timers";
import {
  IS_METRICS_SERVER,
  type MetricsHostOptions,
  type MetricsServer,
  STOP_MS,
} from "../metrics_host.ts";
import { listenError } from "../service/listen_error.ts";
import type { Certificate } from "./certificate.ts";
import { nodeHandler } from "./node_handler.ts";

/** What a client may take of the server: scrapes are few, short and in time. */
const LIMITS = {
  /** For a request's headers, from its first byte on, in milliseconds. */
  headersTimeout: 10_000,
  /** For a whole request, in milliseconds. */
  requestTimeout: 20_000,
  /** Between two requests; Prometheus asks every 15 s to a minute. */
  keepAliveTimeout: 75_000,
  /** How often the two first are looked at, in milliseconds. */
  connectionsCheckingInterval: 5000,
  /** Bytes of a request's headers. */
  maxHeaderSize: 16 * 1024,
} as const;
/** Connections at once; one more is closed. */
const MAX_CONNECTIONS = 512;
/** How long a client may do nothing while an answer waits for it to read on, in milliseconds. */
const SOCKET_TIMEOUT_MS = 90_000;

/**
 * Starts to listen. In a worker of a cluster the port is the worker's own all the same, and not
 * shared with the others. Permission on Deno: net for the address.
 *
 * @param certificate Makes it a server of TLS.
 * @throws {Error} one line that says why the address cannot be listened on, with its cause
 */
export async function serveMetricsOnNode(
  { handler, hostname, port, log, isBackground = false }: MetricsHostOptions,
  certificate?: Certificate,
): Promise<MetricsServer> {
  const listener = nodeHandler(async (request) => {
    try {
      return await handler(request);
    } catch (error) {
      log.error("Cannot answer a request to the metrics endpoint", { error });
      return new Response("Cannot answer\n", { status: 500 });
    }
  });
  const answer = (request: http.IncomingMessage, response: http.ServerResponse): void =>
    listener(request, response);
  const server = certificate === undefined
    ? http.createServer(LIMITS, answer)
    : https.createServer({ ...LIMITS, ...certificate }, answer);
  Object.assign(server, { [IS_METRICS_SERVER]: true });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(SOCKET_TIMEOUT_MS);
  if (isBackground) server.on("connection", (socket) => socket.unref());
  await listen(server, hostname, port);
  if (isBackground) server.unref();
  server.on("error", (error) => log.error("The metrics endpoint has a problem", { error }));
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error(`Cannot serve metrics: the address is ${address}, expected host and port`);
  }
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => stopped ??= close(server);
  return {
    hostname: address.address,
    port: address.port,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function listen(server: http.Server, hostname: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void =>
      reject(listenError({ hostname, port }, "metrics endpoint", error));
    server.once("error", failed);
    server.listen({ host: hostname, port, exclusive: true }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function close(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => server.closeAllConnections(), STOP_MS);
    server.close(() => {
      clearTimeout(late);
      resolve();
    });
    server.closeIdleConnections();
  });
}
