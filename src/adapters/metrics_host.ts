/**
 * A server for the metrics endpoint, as each runtime makes one.
 *
 * @module
 */
import type { Log } from "../core/log.ts";

/** What is hosted, and where. */
export interface MetricsHostOptions {
  /** Answers the requests. */
  readonly handler: (request: Request) => Response | Promise<Response>;
  /** Host name or IP address to listen on. */
  readonly hostname: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Where a handler's failure goes. */
  readonly log: Log;
  /** Whether the server is no reason for the process to go on. @default {false} */
  readonly isBackground?: boolean;
}

/**
 * On a server, and in the options of `Deno.serve`: what it serves are the metrics. Whoever stands in
 * the way of the application's servers, another copy of this module too, lets it pass.
 */
export const IS_METRICS_SERVER = Symbol.for("@gpe/cli/metrics-server");

/** How long a client that reads slowly may keep a stopping server, in milliseconds. */
export const STOP_MS = 1000;

/** A running server. */
export interface MetricsServer extends AsyncDisposable {
  /** Host name or IP address it listens on. */
  readonly hostname: string;
  /** Port it listens on. */
  readonly port: number;
  /** Stops listening and waits for the requests at hand, for a second at most. */
  stop(): Promise<void>;
}
