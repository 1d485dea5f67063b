/**
 * A port for the metrics alone, in an application of any number of isolates, threads or processes.
 *
 * @module
 */
import { clearTimeout, setTimeout } from "node:timers";
import type { Address } from "../../config/config.ts";
import { formatAddress } from "../../config/parsers.ts";
import type { Log } from "../../core/log.ts";
import { createMetricsEndpoint, type MetricsEndpoint } from "../../endpoint/mod.ts";
import { errorCode, errorText } from "../../storage/filesystem/file_errors.ts";
import { VERSION } from "../../version.ts";
import type { MetricsServer } from "../metrics_host.ts";
import { RUNTIME } from "../this_runtime.ts";
import { CONSOLE_LOG } from "./console_log.ts";
import { environmentConfig } from "./environment.ts";
import { assertPrefix, assertStorageOptions } from "./given.ts";
import {
  type MetricsHandlerOptions,
  openFlushingReader,
  warnOfUnstored,
} from "./metrics_handler.ts";
import { storageToRead } from "./open_storage.ts";
import { createNeighbourCheck, nameStorage, STORAGE_HEADER } from "./port_neighbour.ts";

/** How {@linkcode serveMetrics} works. */
export interface ServeMetricsOptions extends MetricsHandlerOptions {
  /** Address to listen on. @default {`PROMETHEUS_BIND_ADDRESS`, else `0.0.0.0`} */
  readonly hostname?: string;
  /** Port to listen on. @default {`PROMETHEUS_METRICS_PORT`, else 9091} */
  readonly port?: number;
  /** Told who has the port, and what cannot be read. @default {warnings, on standard error} */
  readonly log?: Log;
}

/** The port for the metrics, as this isolate, thread or process sees it. Disposing of it gives it up. */
export interface MetricsPort extends AsyncDisposable {
  /** The port while this one listens on it; `undefined` while another one does. */
  readonly port: number | undefined;
}

/** How often who stands by tries to listen, in milliseconds. */
const RETRY_MS = 1000;

/**
 * Serves the metrics of all workers on a port of their own: `/metrics`, `/healthz`, `/readyz` and a
 * page of links. Every isolate, thread and process of a service calls it: one of them listens, the
 * others stand by, and when it ends one of them takes over within about a second.
 *
 * It does not keep the process alive, so it is no reason to go on after SIGTERM.
 *
 * Permissions: `net` for the address, and those of `metricsHandler`; `env` for the two variables,
 * where they are to be read.
 *
 * @example
 * ```ts ignore
 * // deno serve --parallel -A app.ts
 * import { instrument, openStorage, serveMetrics } from "@gpe/cli";
 *
 * openStorage();
 * await serveMetrics({ port: 9091 });
 * export default instrument({ fetch: () => new Response("hello") });
 * ```
 * @returns When it listens, or stands by.
 * @throws {Error} When the address cannot be listened on for another reason than that it is in use.
 * @throws {ConfigError} When a variable is not accepted.
 * @throws {TypeError} When an option is not of its kind.
 */
export async function serveMetrics(options: ServeMetricsOptions = {}): Promise<MetricsPort> {
  assertStorageOptions(options);
  assertPrefix(options.metricPrefix);
  const metrics = new StandingBy(options);
  await metrics.start();
  return metrics;
}

class StandingBy implements MetricsPort {
  readonly #options: ServeMetricsOptions & { readonly log: Log };
  readonly #address: Address;
  readonly #isNeighbour: () => Promise<boolean | undefined>;
  #endpoint: Endpoint | undefined;
  #server: MetricsServer | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: Promise<void> | undefined;
  #told: string | undefined;
  #stopped = false;

  constructor(options: ServeMetricsOptions) {
    this.#options = { log: CONSOLE_LOG, ...options };
    this.#address = addressOf(options);
    this.#isNeighbour = createNeighbourCheck(this.#address, () => this.#opened().name());
  }

  get port(): number | undefined {
    return this.#server?.port;
  }

  async start(): Promise<void> {
    if (!await this.#listen()) this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
    await this.#endpoint?.close();
  }

  /** @returns whether it listens now; otherwise somebody else does. */
  async #listen(): Promise<boolean> {
    try {
      this.#server = await RUNTIME.host({
        handler: (request) => this.#opened().answer(request),
        ...this.#address,
        log: this.#options.log,
      });
    } catch (error) {
      if (error instanceof Error && errorCode(error.cause) === "EADDRINUSE") return false;
      throw error;
    }
    const url = `http://${formatAddress(this.#server)}/metrics`;
    this.#options.log.info("Serving metrics", { url });
    return true;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#turn = this.#takeTurn();
    }, RETRY_MS);
    this.#timer.unref();
  }

  async #takeTurn(): Promise<void> {
    try {
      if (await this.#listen()) return;
      if (await this.#isNeighbour() === false) {
        this.#tell(
          `Cannot listen on ${JSON.stringify(formatAddress(this.#address))} for the metrics: ` +
            "another program has the port, expected a free one; trying again until it is",
        );
      }
    } catch (error) {
      this.#tell(errorText(error));
    }
    this.#schedule();
  }

  #tell(problem: string): void {
    if (this.#told === problem) return;
    this.#told = problem;
    this.#options.log.error(problem);
  }

  /** The storage may be opened after the port. */
  #opened(): Endpoint {
    return this.#endpoint ??= openEndpoint(this.#options);
  }
}

function addressOf({ hostname, port }: ServeMetricsOptions): Address {
  if (hostname !== undefined && port !== undefined) return { hostname, port };
  const { metrics } = environmentConfig("endpoint");
  return { hostname: hostname ?? metrics.hostname, port: port ?? metrics.port };
}

/** An endpoint, with the storage that it shows. */
interface Endpoint {
  /** The name of the storage, as it is now. */
  readonly name: () => string;
  readonly answer: MetricsEndpoint;
  close(): Promise<void>;
}

function openEndpoint(options: MetricsHandlerOptions & { readonly log: Log }): Endpoint {
  warnOfUnstored(options);
  const read = storageToRead(options);
  const { storage } = read;
  const name = (): string => nameStorage(storage);
  const reader = openFlushingReader(storage);
  const endpoint = createMetricsEndpoint({
    ...options,
    ...storage.about,
    reader,
    version: VERSION,
    runtime: RUNTIME.name,
  });
  return {
    name,
    async answer(request) {
      const response = await endpoint(request);
      // For those that stand by.
      if (request.url.endsWith("/healthz")) response.headers.set(STORAGE_HEADER, name());
      return response;
    },
    async close() {
      await reader[Symbol.asyncDispose]();
      await read[Symbol.asyncDispose]();
    },
  };
}
