/**
 * How a server stops without breaking its clients' connections.
 *
 * @module
 */
import type { BindAddress } from "../../config/config.ts";
import type { AccessLog } from "../../worker/access_log.ts";
import { acceptedConnections } from "./accepted_connections.ts";
import type { Certificate } from "./certificate.ts";

/** Which server gets the bound address: the first one, whichever way it listens. */
export interface AddressClaim {
  /** Set by the one that got it. */
  taken: boolean;
}

/** A server on the bound address. */
export interface DrainableServer {
  /** Where it listens. */
  readonly addr: BindAddress;
  /** Settles when the server has stopped, whoever stopped it. */
  readonly finished: Promise<void>;
  /**
   * Stops the server: for a while answers with `connection: close`, so that clients open their next
   * connection elsewhere; then refuses new connections and waits for running requests. A further
   * call gives the same promise; it can only shorten the wait for clients.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** How long a server goes on before it stops. */
export interface ShutdownOptions {
  /** How long to answer with `connection: close`. @default {DEFAULT_DRAIN_MS} */
  readonly drainMs?: number;
  /**
   * How much longer to do so while clients that were there at the beginning keep their connections:
   * whoever sends a request just when its connection is closed sees it fail.
   *
   * @default {0}
   */
  readonly lingerMs?: number;
}

/** Without it 79 requests failed in 8 restarts under load, with it none (our measurement). */
export const DEFAULT_DRAIN_MS = 300;

/** How often is looked whether the clients are gone, in milliseconds. */
const LOOK_MS = 50;
/** How long is waited for clients where it cannot be seen when they are gone, in milliseconds. */
const BLIND_LINGER_MS = 1000;

/** What both kinds of servers share. */
export interface CaptureOptions {
  /** Where the first server listens, whatever the application asked for. */
  readonly address: BindAddress;
  /** Whether other workers listen there too. */
  readonly reusePort: boolean;
  /** Shared by the captures of one process. */
  readonly claim: AddressClaim;
  /** The first server speaks TLS with it, whatever the application asked for. */
  readonly certificate?: Certificate | undefined;
  /** How long a server of `node:http` keeps idle connections; default: what it says itself. */
  readonly keepAliveMs?: number | undefined;
  /** Gets a line for each request to the first server. */
  readonly accessLog?: AccessLog | undefined;
  /** Called when the first server listens. */
  readonly onServing: (server: DrainableServer) => void;
}

/**
 * Makes the `shutdown` of a server.
 *
 * @param port Where the server listens; `undefined` on a Unix socket.
 * @param drain Makes the server answer with `connection: close`.
 * @param stop Stops it.
 * @param finished Ends the waiting early when the server stops by itself.
 */
export function createShutdown(
  port: number | undefined,
  drain: () => void,
  stop: () => Promise<void>,
  finished: Promise<void>,
): DrainableServer["shutdown"] {
  let stopped: Promise<void> | undefined;
  let lingerMs = Infinity;
  let drainMs = 0;

  async function shutdown(): Promise<void> {
    drain();
    const connections = lingerMs > 0 && port !== undefined ? acceptedConnections(port) : undefined;
    const isOver = (waitedMs: number): boolean => {
      const late = waitedMs - drainMs;
      if (late < 0) return false;
      if (connections === undefined) return late >= Math.min(lingerMs, BLIND_LINGER_MS);
      return late >= lingerMs || connections.left() === 0;
    };
    await waitUntil(isOver, finished);
    await stop();
  }
  return (options = {}) => {
    lingerMs = Math.min(lingerMs, options.lingerMs ?? 0);
    if (stopped === undefined) {
      drainMs = options.drainMs ?? DEFAULT_DRAIN_MS;
      stopped = shutdown();
    }
    return stopped;
  };
}

/**
 * Waits until it is over, or `finished`. The time is counted in looks, not by the clock: what clients
 * have sent while this thread had no turn on a busy machine is read in the next ones.
 */
function waitUntil(isOver: (waitedMs: number) => boolean, finished: Promise<void>): Promise<void> {
  let waitedMs = 0;
  if (isOver(waitedMs)) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      waitedMs += LOOK_MS;
      if (isOver(waitedMs)) end();
    }, LOOK_MS);
    const end = (): void => {
      clearInterval(timer);
      resolve();
    };
    void finished.then(end);
  });
}
