/**
 * Exact Prometheus metrics for servers that run as many workers.
 *
 * The metric classes are a drop-in for prom-client 15, with a `multiprocessMode` for gauges.
 * {@linkcode instrument} records an app's requests, {@linkcode openStorage} connects the metrics of
 * a process with those of the others, and {@linkcode metricsHandler} or {@linkcode aggregate} shows
 * the metrics of all.
 *
 * @example
 * ```ts
 * import { Counter, instrument, register } from "@gpe/cli";
 *
 * const orders = new Counter({ name: "orders_total", help: "Orders taken", labelNames: ["shop"] });
 * const north = orders.labels("north");
 * const app = instrument((_request: Request) => {
 *   north.inc();
 *   return new Response("thanks");
 * });
 *
 * await app(new Request("http://localhost/")); // in a server: Deno.serve(app)
 * console.log(await register.metrics());
 * ```
 *
 * Run as a program, this module is the command line `gpe`.
 *
 * @module
 */
export {
  type CollectDefaultMetrics,
  collectDefaultMetrics,
  type DefaultMetricsOptions,
  type RegistryLike,
} from "./src/adapters/library/default_metrics.ts";
export { instrument } from "./src/adapters/library/instrument.ts";
export {
  aggregate,
  type AggregateOptions,
  metricsHandler,
  type MetricsHandlerOptions,
} from "./src/adapters/library/metrics_handler.ts";
export {
  type OpenedStorage,
  openStorage,
  type OpenStorageOptions,
} from "./src/adapters/library/open_storage.ts";
export { ConfigError, MetricMisuse, StorageError } from "./src/core/errors.ts";
export type { Log, LogLevel } from "./src/core/log.ts";
export {
  type Aggregator,
  type BaseMetric,
  type Cell,
  type Charset,
  type CollectFunction,
  type Collector,
  contentType,
  Counter,
  CounterChild,
  type CounterConfiguration,
  type Exemplar,
  exponentialBuckets,
  type ForeignMetric,
  Gauge,
  GAUGE_MODES,
  GaugeChild,
  type GaugeConfiguration,
  type GaugeMode,
  Histogram,
  HistogramChild,
  type HistogramConfiguration,
  type HistogramData,
  type HistogramSample,
  type IncreaseDataWithExemplar,
  type Labels,
  type LabelTree,
  type LabelValues,
  linearBuckets,
  type Metric,
  type MetricChild,
  type MetricConfiguration,
  type MetricKind,
  type MetricObject,
  type MetricObjectWithValues,
  type MetricRegistry,
  type MetricType,
  type MetricValue,
  type MetricValueWithName,
  type ObserveDataWithExemplar,
  type OpenMetricsContentType,
  openMetricsContentType,
  type OpenMetricsMIME,
  type OpenMetricsVersion,
  type ProcessStore,
  type PrometheusContentType,
  prometheusContentType,
  type PrometheusMetricsVersion,
  type PrometheusMIME,
  register,
  Registry,
  type RegistryContentType,
  type Storable,
  type StorageWriter,
  Summary,
  SummaryChild,
  type SummaryConfiguration,
  validateMetricName,
} from "./src/core/mod.ts";
export type { MetricsEndpoint } from "./src/endpoint/mod.ts";
export type { FileLayout, FilesystemWriter } from "./src/storage/filesystem/mod.ts";
export type {
  RedisClient,
  RedisNode,
  RedisOptions,
  RedisPipeline,
} from "./src/storage/redis/mod.ts";
export type { FetchApp, FetchHandler, Instrument } from "./src/worker/instrument.ts";

if (import.meta.main) {
  // No top-level await: a module that has one cannot be loaded with require().
  import("./src/cli/main.ts").then(async ({ main }) => Deno.exit(await main(Deno.args)));
}
