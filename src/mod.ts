/**
 * The library: what programs import from the package. Without the command line, which the npm package
 * does not have.
 *
 * @module
 */
import * as promClient from "./prom_client.ts";

export {
  type HonoContext,
  type HonoMiddleware,
  honoMiddleware,
} from "./adapters/frameworks/hono.ts";
export {
  type OakApplication,
  type OakContext,
  type OakMiddleware,
  oakMiddleware,
} from "./adapters/frameworks/oak.ts";
export { AggregatorRegistry } from "./adapters/library/aggregator_registry.ts";
export {
  type CollectDefaultMetrics,
  collectDefaultMetrics,
  type DefaultMetricsCollectorConfiguration,
  type DefaultMetricsOptions,
  type RegistryLike,
} from "./adapters/library/default_metrics.ts";
export { instrument } from "./adapters/library/instrument.ts";
export {
  aggregate,
  type AggregateOptions,
  metricsHandler,
  type MetricsHandlerOptions,
} from "./adapters/library/metrics_handler.ts";
export {
  type OpenedStorage,
  openStorage,
  type OpenStorageOptions,
} from "./adapters/library/open_storage.ts";
export { Pushgateway, type PushResult } from "./adapters/library/pushgateway.ts";
export {
  type MetricsPort,
  serveMetrics,
  type ServeMetricsOptions,
} from "./adapters/library/serve_metrics.ts";
export { ConfigError, MetricMisuse, StorageError } from "./core/errors.ts";
export type { Log, LogLevel } from "./core/log.ts";
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
  type ForeignRegistry,
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
  shareRegistry,
  type Storable,
  type StorageWriter,
  Summary,
  SummaryChild,
  type SummaryConfiguration,
  validateMetricName,
} from "./core/mod.ts";
export type { MetricsEndpoint } from "./endpoint/mod.ts";
export type { FileLayout, FilesystemWriter } from "./storage/filesystem/mod.ts";
export type { RedisClient, RedisNode, RedisOptions, RedisPipeline } from "./storage/redis/mod.ts";
export type { FetchApp, FetchHandler, Instrument } from "./worker/instrument.ts";
export { noteError, setRoute } from "./worker/route_note.ts";

export default promClient;
