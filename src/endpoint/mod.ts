/**
 * The metrics endpoint as a function from request to response.
 *
 * @example
 * ```ts no-run
 * import { createMetricsEndpoint, type StorageReader } from "@gpe/cli/endpoint";
 *
 * function start(reader: StorageReader): void {
 *   const handler = createMetricsEndpoint({ reader, version: "1.0.0", runtime: "deno" });
 *   Deno.serve({ port: 9091 }, handler);
 * }
 * ```
 *
 * @module
 */
export type { GaugeMode } from "../core/modes.ts";
export type { Log, LogLevel } from "../core/log.ts";
export type {
  Liveness,
  MetricKind,
  ReadProblem,
  SampleSource,
  Snapshot,
  StorageReader,
} from "../core/storage.ts";
export {
  createMetricsEndpoint,
  createMetricsPage,
  type MetricsEndpoint,
  type MetricsEndpointOptions,
} from "./endpoint.ts";
export type { DirectoryStats } from "../storage/filesystem/directory.ts";
