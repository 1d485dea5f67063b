/**
 * How a server stops without breaking its clients' connections.
 *
 * @module
 */
import type { Address } from "../../config/config.ts";
import type { AccessLog } from "../../worker/access_log.ts";
import type { Certificate } from "./certificate.ts";

/** Which server gets the bound address: the first one, whichever way it listens. */
export interface AddressClaim {
  /** Set by the one that got it. */
  taken: boolean;
}

/** A server on the bound address. */
export interface DrainableServer {
  /** Where it listens. */
  readonly addr: Address;
  /** Settles when the server has stopped, whoever stopped it. */
  readonly finished: Promise<void>;
  /**
   * Stops the server: for a while answers with `connection: close`, so that clients open their next
   * connection elsewhere; then refuses new connections and waits for running requests. Calling it
   * again gives the same promise.
   *
   * @param options `drainMs`: how long to answer so, default {@linkcode DEFAULT_DRAIN_MS}.
   */
  shutdown(options?: { readonly drainMs?: number }): Promise<void>;
}

/** Without it 79 requests failed in 8 restarts under load, with it none (our measurement). */
export const DEFAULT_DRAIN_MS = 300;

/** What both kinds of servers share. */
export interface CaptureOptions {
  /** Where the first server listens, whatever the application asked for. */
  readonly address: Address;
  /** Whether other workers listen there too. */
  readonly reusePort: boolean;
  /** Shared by the captures of one process. */
  readonly claim: AddressClaim;
  /** The first server speaks TLS with it, whatever the application asked for. */
  readonly certificate?: Certificate | undefined;
  /** Gets a line for each request to the first server. */
  readonly accessLog?: AccessLog | undefined;
  /** Called when the first server listens. */
  readonly onServing: (server: DrainableServer) => void;
}

/**
 * Makes the `shutdown` of a server.
 *
 * @param drain Makes the server answer with `connection: close`.
 * @param stop Stops it.
 * @param finished Ends the waiting early when the server stops by itself.
 */
export function createShutdown(
  drain: () => void,
  stop: () => Promise<void>,
  finished: Promise<void>,
): DrainableServer["shutdown"] {
  let stopped: Promise<void> | undefined;
  return ({ drainMs = DEFAULT_DRAIN_MS } = {}) =>
    stopped ??= (async () => {
      drain();
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, drainMs);
      await Promise.race([promise, finished]);
      clearTimeout(timer);
      await stop();
    })();
}
