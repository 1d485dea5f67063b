/**
 * Records and drains the servers of an application that listen where they want to.
 *
 * @module
 */
import type { WorkerMetrics } from "../../worker/worker_metrics.ts";
import { createShutdown, type DrainableServer } from "./drain.ts";
import { hookListen, type HttpServer } from "./listen_hook.ts";
import { createHttpRecorder } from "./recorder.ts";

/** How servers are found and ended. */
export interface OwnAddressOptions {
  /** Where requests are recorded. */
  readonly metrics: WorkerMetrics;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
  /** How long servers keep idle connections, in milliseconds. @default {what they say themselves} */
  readonly keepAliveMs?: number | undefined;
  /**
   * Makes a server take no new connections while it goes on with those it has, as soon as it is to
   * end. @default {it takes new ones until it stops}
   */
  readonly refuse?: ((server: HttpServer) => void) | undefined;
  /** Called once, when the first server listens. */
  readonly onServing: (server: DrainableServer) => void;
}

/** The servers that are recorded. */
export interface OwnAddress {
  /** Takes a server that listened before anybody looked, as if it were the first. */
  adopt(server: HttpServer): void;
  /** Looks for no more servers, and ends recording. */
  release(): void;
}

/**
 * From now on the first server that listens is recorded, and with it those that listen on the same
 * port: a host name may have several addresses. Servers on other ports are none of the service's.
 */
export function recordOwnAddress(options: OwnAddressOptions): OwnAddress {
  const { metrics, now, keepAliveMs, refuse, onServing } = options;
  const recorder = createHttpRecorder(metrics, now);
  const servers = new Set<HttpServer>();
  const closed: Promise<void>[] = [];
  let port: number | undefined;

  function follow(server: HttpServer): void {
    if (servers.has(server)) return;
    if (keepAliveMs !== undefined) server.keepAliveTimeout = keepAliveMs;
    recorder.record(server);
    servers.add(server);
    closed.push(new Promise<void>((resolve) => server.once("close", () => resolve())));
  }

  function serve(server: HttpServer): void {
    const address = server.address();
    const isFirst = servers.size === 0;
    if (isFirst) port = portOf(server);
    else if (port === undefined || portOf(server) !== port) return;
    follow(server);
    if (!isFirst) return;
    const finished = closed[0]!;
    const stop = async (): Promise<void> => {
      // Each says so itself when the application has closed it already.
      for (const server of servers) server.close(() => {});
      await Promise.all(closed);
    };
    const drain = (): void => {
      recorder.drain();
      for (const server of servers) refuse?.(server);
    };
    onServing({
      addr: typeof address === "object" && address !== null
        ? { hostname: address.address, port: address.port }
        : { path: address ?? "" },
      finished,
      shutdown: createShutdown(port, drain, stop, finished),
    });
  }

  const restore = hookListen((server, listen, args) => {
    // Not before: a server that cannot listen is no server, and another may come in its place.
    server.once("listening", () => serve(server));
    return listen.apply(server, [...args]);
  });
  return {
    adopt: serve,
    release() {
      restore();
      recorder.uninstall();
    },
  };
}

function portOf(server: HttpServer): number | undefined {
  const address = server.address();
  return typeof address === "object" ? address?.port : undefined;
}
