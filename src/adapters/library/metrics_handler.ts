/**
 * The aggregate over all workers from inside an application.
 *
 * @module
 */
import { createAggregator } from "../../core/aggregate.ts";
import { renderText } from "../../core/exposition_text.ts";
import type { Log } from "../../core/log.ts";
import { processStore } from "../../core/process_store.ts";
import type { StorageReader } from "../../core/storage.ts";
import { createMetricsPage, type MetricsEndpoint } from "../../endpoint/mod.ts";
import { VERSION } from "../../version.ts";
import { flushProcessStorage, openedStorage } from "../storage/process_storage.ts";
import type { Storage } from "../storage/storage.ts";
import { RUNTIME } from "../this_runtime.ts";
import { CONSOLE_LOG } from "./console_log.ts";
import { assertPrefix, assertStorageOptions } from "./given.ts";
import { type OpenStorageOptions, storageToRead } from "./open_storage.ts";

/** Which metrics are shown; by default those of the storage that `openStorage` has opened. */
export type AggregateOptions = Pick<OpenStorageOptions, "directory" | "redis">;

/** How {@linkcode metricsHandler} works. */
export interface MetricsHandlerOptions extends AggregateOptions {
  /** Prefix of the sidecar metrics. @default {"gunicorn"} */
  readonly metricPrefix?: string;
  /**
   * Told what cannot be read. Without it nothing is, except when the metrics of this process are in no
   * storage: that is a line on standard error.
   */
  readonly log?: Log;
}

/**
 * A handler for a route of the application that answers with the metrics of all workers, whichever
 * of them is asked. The metrics of this process are among them when `openStorage()` was called.
 *
 * Permissions: read for the directory, or `net` for Redis; `env` for the variables of the storage when
 * neither is given and no storage is open.
 *
 * @example
 * ```ts
 * import { metricsHandler } from "@gpe/cli";
 *
 * const metrics = metricsHandler();
 * function app(request: Request): Response | Promise<Response> {
 *   const { pathname } = new URL(request.url);
 *   return pathname === "/metrics" ? metrics(request) : new Response("hello");
 * }
 * console.log(await app(new Request("http://localhost/metrics")));
 * ```
 * @throws {TypeError} When an option is not of its kind.
 */
export function metricsHandler(options: MetricsHandlerOptions = {}): MetricsEndpoint {
  assertStorageOptions(options);
  assertPrefix(options.metricPrefix);
  let page: MetricsEndpoint | undefined;
  return (request) => {
    // The storage may be opened after the handler was made.
    if (page === undefined) {
      warnOfUnstored(options);
      page = openMetricsPage(options);
    }
    return page(request);
  };
}

/** Says that the page lacks the metrics of this process, where nobody asked for another storage. */
export function warnOfUnstored(
  { directory, redis, log = CONSOLE_LOG }: MetricsHandlerOptions,
): void {
  if (directory !== undefined || redis !== undefined || openedStorage() !== undefined) return;
  if (processStore().connected.size === 0) return;
  log.warn(
    "Cannot show the metrics of this process: they are in no storage, expected openStorage() " +
      "at the start of the program",
  );
}

/** The page of a storage that there is now. */
export function openMetricsPage(options: MetricsHandlerOptions): MetricsEndpoint {
  const { storage } = storageToRead(options);
  return createMetricsPage({
    ...options,
    ...storage.about,
    reader: openFlushingReader(storage),
    version: VERSION,
    runtime: RUNTIME.name,
  });
}

/**
 * The metrics of all workers in the Prometheus text format, without the endpoint's own metrics.
 * Every call reads everything anew; {@linkcode metricsHandler} keeps what it has parsed.
 *
 * Permissions: as {@linkcode metricsHandler}.
 *
 * @throws {StorageError} When the storage cannot be read.
 * @throws {TypeError} When an option is not of its kind.
 */
export async function aggregate(options: AggregateOptions = {}): Promise<string> {
  assertStorageOptions(options);
  const read = storageToRead(options);
  try {
    await read.storage.check();
    const reader = openFlushingReader(read.storage);
    try {
      return renderText(createAggregator().aggregate(await reader.read()).families);
    } finally {
      await reader[Symbol.asyncDispose]();
    }
  } finally {
    await read[Symbol.asyncDispose]();
  }
}

/** A reader that sees what this process has counted until now. */
export function openFlushingReader(storage: Storage): StorageReader {
  const reader = storage.openReader();
  return {
    async read() {
      // A connection that is just being made is worth waiting for; what is wrong the read says.
      await storage.check().catch(() => {});
      await flushProcessStorage();
      return await reader.read();
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}
