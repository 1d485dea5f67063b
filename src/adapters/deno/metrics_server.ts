/**
 * Hosts the metrics endpoint on `Deno.serve`.
 *
 * @module
 */
import {
  IS_METRICS_SERVER,
  type MetricsHostOptions,
  type MetricsServer,
  STOP_MS,
} from "../metrics_host.ts";
import { listenError } from "../service/listen_error.ts";

/**
 * Starts to listen. Permission: `--allow-net` for the address.
 *
 * @throws {Error} one line that says why the address cannot be listened on
 */
export function serveMetricsEndpoint(options: MetricsHostOptions): MetricsServer {
  const { handler, hostname, port, log, isBackground = false } = options;
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      ...{ [IS_METRICS_SERVER]: true },
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
  if (isBackground) server.unref();
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
