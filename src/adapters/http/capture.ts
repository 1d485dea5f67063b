/**
 * Captures servers of `node:http` and `node:https` (Express and the like), so that the first one
 * listens on the bound address.
 *
 * @module
 */
import https from "node:https";
import type { ListenOptions } from "node:net";
import type { Log } from "../../core/log.ts";
import type { WorkerMetrics } from "../../worker/worker_metrics.ts";
import { type CaptureOptions, createShutdown } from "./drain.ts";
import { hookListen, type HttpServer, type Listen } from "./listen_hook.ts";
import { publishSocket, stageSocket } from "./unix_socket.ts";
import { createHttpRecorder, type HttpRecorder } from "./recorder.ts";

/** How to capture `node:http`. */
export interface HttpCaptureOptions extends CaptureOptions {
  /** Where requests of the first server are recorded. */
  readonly metrics: WorkerMetrics;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
  /** Gets a line for each further server. */
  readonly log: Log;
}

/**
 * Replaces `listen` of both kinds of servers. The first call of either is served on `address` and
 * recorded; callbacks, events, `address()` and options that say nothing about the address stay.
 * Servers opened later keep their own address.
 *
 * @returns A function that gives `listen` back; servers go on, but record no longer.
 */
export function captureHttp(capture: HttpCaptureOptions): () => void {
  const recorder = createHttpRecorder(capture.metrics, capture.now, capture.accessLog);
  const restore = hookListen((server, listen, args) => {
    if (!capture.claim.taken) {
      capture.claim.taken = true;
      return listenFirst(server, listen, args, capture, recorder);
    }
    server.once("listening", () => {
      const address = server.address();
      capture.log.info("The application serves another address", { address });
    });
    return listen.apply(server, [...args]);
  });
  return () => {
    restore();
    recorder.uninstall();
  };
}

function listenFirst(
  server: HttpServer,
  listen: Listen,
  args: readonly unknown[],
  { address, reusePort, certificate, keepAliveMs, onServing }: HttpCaptureOptions,
  recorder: HttpRecorder,
): HttpServer {
  if (certificate !== undefined) {
    if (!(server instanceof https.Server)) {
      throw new Error(
        "Cannot listen with a certificate: the server was made with node:http, " +
          "expected node:https, Deno.serve or a default export",
      );
    }
    server.setSecureContext(certificate);
  }
  if (keepAliveMs !== undefined) server.keepAliveTimeout = keepAliveMs;
  recorder.record(server);
  const finished = new Promise<void>((resolve) => server.once("close", () => resolve()));
  server.once("listening", () => {
    if ("path" in address) publishSocket(address.path);
    const bound = server.address();
    onServing({
      addr: typeof bound === "object" && bound !== null
        ? { hostname: bound.address, port: bound.port }
        : address,
      finished,
      shutdown: createShutdown(
        "path" in address ? undefined : address.port,
        () => recorder.drain(),
        () => {
          // Says so itself when the application has closed it already.
          server.close(() => {});
          return finished;
        },
        finished,
      ),
    });
  });
  const options: ListenOptions & { reusePort?: boolean | undefined } = {
    ...givenOptions(args),
    ...("path" in address
      ? { path: stageSocket(address.path) }
      : { host: address.hostname, port: address.port, reusePort }),
  };
  const callback = args.findLast((argument) => typeof argument === "function");
  return listen.apply(server, callback === undefined ? [options] : [options, callback]);
}

/** What `listen(options)` or `listen(port, host, backlog)` says beside the address. */
function givenOptions(args: readonly unknown[]): ListenOptions {
  const first = args[0];
  if (typeof first !== "object" || first === null) {
    const backlog = args.slice(1).find((argument) => typeof argument === "number");
    return typeof backlog === "number" ? { backlog } : {};
  }
  const { backlog, signal, exclusive, ipv6Only } = first as ListenOptions;
  return {
    ...(backlog !== undefined && { backlog }),
    ...(signal !== undefined && { signal }),
    ...(exclusive !== undefined && { exclusive }),
    ...(ipv6Only !== undefined && { ipv6Only }),
  };
}
