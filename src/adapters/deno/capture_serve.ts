/**
 * Replaces `Deno.serve`, so that an application which calls it is served on the bound address.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";
import type { Instrumentation } from "../../worker/instrument.ts";
import { loggedHandlers } from "../../worker/logged_handlers.ts";
import { nativeResponse } from "../../worker/response_tracking.ts";
import { type CaptureOptions, createShutdown } from "../http/drain.ts";
import { IS_METRICS_SERVER } from "../metrics_host.ts";
import { RUNTIME } from "../this_runtime.ts";
import { publishSocket, stageSocket } from "../http/unix_socket.ts";

/** How to capture `Deno.serve`. */
export interface ServeCaptureOptions extends CaptureOptions {
  /** Records around the handler of the first server. */
  readonly instrumentation: Instrumentation;
  /** Gets a line for each further server. */
  readonly log: Log;
}

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;
/** The options of every overload; which belong together is checked by `Deno.serve` itself. */
type Options =
  & Omit<Partial<Deno.ServeTcpOptions>, "transport">
  & { transport?: string; path?: string; cid?: number; handler?: Handler; reusePort?: boolean };
type Serve = (options: Options, handler: Handler) => Deno.HttpServer<Deno.NetAddr>;

/**
 * Replaces `Deno.serve`. The first call is served on `address` with instrumentation, everything
 * else in its options stays; without an `onListen` nothing is printed. A further call keeps its own
 * address, shared by all workers, and is not instrumented. A server of metrics stays as it is.
 *
 * @returns A function that gives `Deno.serve` back; servers go on.
 */
export function captureDenoServe(capture: ServeCaptureOptions): () => void {
  const before = Object.getOwnPropertyDescriptor(Deno, "serve")!;
  const serve = Deno.serve as Serve;

  const replacement = (first: Options | Handler, second?: Handler) => {
    const [options, handler] = typeof first === "function"
      ? [{}, first]
      : [first, typeof second === "function" ? second : first?.handler];
    // No handler: the native function says so. The metrics are not what the application serves.
    if (typeof handler !== "function" || IS_METRICS_SERVER in options) {
      return serve(first as Options, second as Handler);
    }
    if (!capture.claim.taken) {
      capture.claim.taken = true;
      return serveFirst(serve, capture, options, handler);
    }
    const server = serve(shared(options, capture.reusePort), handler);
    capture.log.info("The application serves another address", { address: server.addr });
    return server;
  };
  Object.defineProperty(Deno, "serve", {
    value: Object.defineProperty(replacement, "name", { value: "serve" }),
    writable: true,
    enumerable: before.enumerable ?? true,
    configurable: true,
  });
  return () => Object.defineProperty(Deno, "serve", before);
}

function serveFirst(
  serve: Serve,
  capture: ServeCaptureOptions,
  options: Options,
  handler: Handler,
): Deno.HttpServer<Deno.NetAddr> {
  const { address, reusePort, instrumentation, accessLog, certificate } = capture;
  const { path: _path, cid: _cid, transport: _transport, handler: _handler, ...kept } = options;
  let draining = false;
  const recording = instrumentation.forServer(
    { handler: handler as never, onError: options.onError },
    (response) => draining ? closing(response) : response,
  );
  const recorded = accessLog
    ? loggedHandlers(recording, accessLog, RUNTIME.sampler.now)
    : recording;
  const server = serve({
    ...kept,
    ...certificate,
    ...("path" in address
      ? { path: stageSocket(address.path) }
      : { hostname: address.hostname, port: address.port, reusePort }),
    onListen: options.onListen ?? (() => {}),
    ...(recorded.onError && { onError: recorded.onError }),
  }, recorded.handler as Handler);
  if ("path" in address) publishSocket(address.path);
  const addr = "path" in address ? address : server.addr;
  const shutdown = createShutdown(
    "path" in addr ? undefined : addr.port,
    () => draining = true,
    () => server.shutdown(),
    server.finished,
  );
  capture.onServing({ addr, finished: server.finished, shutdown });
  return server;
}

/** A further TCP server shares its port, for every worker opens it. */
function shared(options: Options, reusePort: boolean): Options {
  return options.path === undefined && options.cid === undefined && reusePort
    ? { reusePort, ...options }
    : options;
}

function closing(response: Response): Response {
  try {
    response.headers.set("connection", "close");
    return response;
  } catch {
    // The headers of what fetch() gave cannot be changed.
    const { status, statusText } = response;
    const headers = new Headers(response.headers);
    headers.set("connection", "close");
    return new (nativeResponse())(response.body, { status, statusText, headers });
  }
}
