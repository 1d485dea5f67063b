/**
 * Exact Prometheus metrics for servers that run as many workers.
 *
 * The metric classes are a drop-in for prom-client 15, with a `multiprocessMode` for gauges.
 * {@linkcode instrument} records an app's requests, {@linkcode openStorage} connects the metrics of
 * a process with those of the others, and {@linkcode metricsHandler} or {@linkcode aggregate} shows
 * the metrics of all.
 *
 * @example
 * ```ts no-run
 * import { Counter } from "@gpe/cli";
 *
 * const orders = new Counter({ name: "orders_total", help: "Orders taken", labelNames: ["shop"] });
 * export default {
 *   fetch(): Response {
 *     orders.inc({ shop: "north" });
 *     return new Response("thanks");
 *   },
 * };
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
} from "./src/adapters/default_metrics.ts";
export { instrument } from "./src/adapters/deno/instrument.ts";
export {
  aggregate,
  type AggregateOptions,
  metricsHandler,
  type MetricsHandlerOptions,
} from "./src/adapters/deno/metrics_handler.ts";
export {
  type OpenedStorage,
  openStorage,
  type OpenStorageOptions,
} from "./src/adapters/deno/open_storage.ts";
export { exponentialBuckets, linearBuckets } from "./src/core/buckets.ts";
export { Counter } from "./src/core/counter.ts";
export { ConfigError, StorageError } from "./src/core/errors.ts";
export { Gauge } from "./src/core/gauge.ts";
export { Histogram } from "./src/core/histogram.ts";
export type { Log, LogLevel } from "./src/core/log.ts";
export type {
  Aggregator,
  CounterConfiguration,
  GaugeConfiguration,
  HistogramConfiguration,
  LabelValues,
  Metric,
  MetricConfiguration,
  MetricObject,
  MetricObjectWithValues,
  MetricType,
  MetricValue,
  MetricValueWithName,
  OpenMetricsContentType,
  PrometheusContentType,
  RegistryContentType,
  SummaryConfiguration,
} from "./src/core/metric_types.ts";
export { GAUGE_MODES, type GaugeMode } from "./src/core/modes.ts";
export {
  OPENMETRICS_CONTENT_TYPE as openMetricsContentType,
  PROMETHEUS_CONTENT_TYPE as contentType,
  PROMETHEUS_CONTENT_TYPE as prometheusContentType,
  register,
  Registry,
} from "./src/core/registry.ts";
export { Summary } from "./src/core/summary.ts";
export { validateMetricName } from "./src/core/validation.ts";
export type { MetricsEndpoint } from "./src/endpoint/mod.ts";
export type { FetchApp, FetchHandler, Instrument } from "./src/worker/instrument.ts";

if (import.meta.main) {
  // No top-level await: a module that has one cannot be loaded with require().
  import("./src/cli/main.ts").then(async ({ main }) => Deno.exit(await main(Deno.args)));
}
