/**
 * Hosts the metrics endpoint on `Deno.serve`.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";
import { listenError } from "./address.ts";

/** How the server is made. */
export interface MetricsServerOptions {
  /** Answers the requests. */
  readonly handler: (request: Request) => Response | Promise<Response>;
  /** Host name or IP address to listen on. */
  readonly hostname: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Where a handler's failure goes. */
  readonly log: Log;
}

/** A running server. */
export interface MetricsServer extends AsyncDisposable {
  /** Host name or IP address it listens on. */
  readonly hostname: string;
  /** Port it listens on. */
  readonly port: number;
  /** Stops listening and waits for the requests at hand, for a second at most. */
  stop(): Promise<void>;
}

/** How long a client that reads slowly may keep a stopping server. */
const STOP_MS = 1000;

/**
 * Starts to listen. Permission: `--allow-net` for the address.
 *
 * @throws {Error} one line that says why the address cannot be listened on
 */
export function serveMetricsEndpoint(options: MetricsServerOptions): MetricsServer {
  const { handler, hostname, port, log } = options;
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      hostname,
      port,
      onListen() {}, // the caller says where, in its own words
      onError(error) {
        log.error("Cannot answer a request to the metrics endpoint", { error });
        return new Response("Cannot answer\n", { status: 500 });
      },
    }, handler);
  } catch (error) {
    throw listenError({ hostname, port }, "metrics endpoint", error);
  }
  const stop = async (): Promise<void> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, STOP_MS));
    // Aborting a server that shuts down throws in Deno, so who is late is left to the process's end.
    await Promise.race([server.shutdown(), late]);
    clearTimeout(timer);
  };
  return {
    hostname: server.addr.hostname,
    port: server.addr.port,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
