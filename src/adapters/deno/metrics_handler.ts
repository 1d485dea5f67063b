/**
 * The aggregate over all workers from inside an application.
 *
 * @module
 */
import { SETTINGS } from "../../config/settings.ts";
import { createAggregator } from "../../core/aggregate.ts";
import { renderText } from "../../core/exposition_text.ts";
import type { Log } from "../../core/log.ts";
import { processStore } from "../../core/process_store.ts";
import { snapshotAll } from "../../core/snapshot.ts";
import type { StorageReader } from "../../core/storage.ts";
import { createMetricsPage, type MetricsEndpoint } from "../../endpoint/mod.ts";
import { directoryStats, openFilesystemReader } from "../../storage/filesystem/mod.ts";
import { VERSION } from "../../version.ts";
import { denoFilePrimitives } from "./file_primitives.ts";
import { permittedEnv } from "./runtime.ts";

/** Which metrics are shown. */
export interface AggregateOptions {
  /**
   * The directory of the metric files.
   *
   * @default {that of `openStorage`, else `PROMETHEUS_MULTIPROC_DIR`, else `/tmp/prometheus_multiproc`}
   */
  readonly directory?: string;
}

/** How {@linkcode metricsHandler} works. */
export interface MetricsHandlerOptions extends AggregateOptions {
  /** Prefix of the sidecar metrics. @default {"gunicorn"} */
  readonly metricPrefix?: string;
  /** Told what cannot be read. @default {SILENT_LOG} */
  readonly log?: Log;
}

/**
 * A handler for a route of the application that answers with the metrics of all workers, whichever
 * of them is asked.
 *
 * Permissions: read for the directory; `env` for `PROMETHEUS_MULTIPROC_DIR` when neither a directory
 * is given nor a storage is open.
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
 */
export function metricsHandler(options: MetricsHandlerOptions = {}): MetricsEndpoint {
  let page: MetricsEndpoint | undefined;
  return (request) => {
    // The storage may be opened after the handler was made.
    page ??= openPage(options);
    return page(request);
  };
}

function openPage(options: MetricsHandlerOptions): MetricsEndpoint {
  const directory = options.directory ?? ownDirectory();
  return createMetricsPage({
    ...options,
    reader: openFlushingReader(directory),
    version: VERSION,
    runtime: `deno ${Deno.version.deno}`,
    directoryStats: () => directoryStats(directory),
  });
}

/**
 * The metrics of all workers in the Prometheus text format, without the endpoint's own metrics.
 * Every call reads all files anew; {@linkcode metricsHandler} keeps what it has parsed.
 *
 * Permissions: as {@linkcode metricsHandler}.
 */
export async function aggregate(options: AggregateOptions = {}): Promise<string> {
  await using reader = openFlushingReader(options.directory ?? ownDirectory());
  return renderText(createAggregator().aggregate(await reader.read()).families);
}

/** A reader that sees what this process has counted until now. */
function openFlushingReader(directory: string): StorageReader {
  const reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
  return {
    async read() {
      await flushOwn();
      return await reader.read();
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

/** How long a scrape waits for the `collect()` callbacks of this process. */
const COLLECT_MS = 500;

async function flushOwn(): Promise<void> {
  const store = processStore();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, COLLECT_MS);
  });
  // A callback that fails is reported by the open storage, which runs all of them every second.
  await Promise.race([snapshotAll(store), late]);
  clearTimeout(timer);
  await store.writer?.flush();
}

/** The writer may be another copy's of this module, so its kind is looked at, not its class. */
function ownDirectory(): string {
  const { writer } = processStore();
  if (writer !== undefined && "directory" in writer && typeof writer.directory === "string") {
    return writer.directory;
  }
  return permittedEnv("PROMETHEUS_MULTIPROC_DIR") || SETTINGS.directory.default;
}
