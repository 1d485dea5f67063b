/**
 * The metrics endpoint as a function from request to response.
 *
 * @example
 * ```ts
 * import { createMetricsEndpoint, type StorageReader } from "@gpe/cli/endpoint";
 *
 * // A driver opens a real one, such as openFilesystemReader() of "@gpe/cli/filesystem".
 * const reader: StorageReader = {
 *   read: () =>
 *     Promise.resolve({ sources: [], writers: { live: 0, dead: 0, unknown: 0 }, problems: [] }),
 *   [Symbol.asyncDispose]: () => Promise.resolve(),
 * };
 * const endpoint = createMetricsEndpoint({ reader, version: "1.0.0", runtime: "deno" });
 * console.log(await endpoint(new Request("http://localhost/metrics")));
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
export type { RedisStats } from "./self_metrics.ts";
export type { DirectoryStats } from "../storage/filesystem/directory.ts";
