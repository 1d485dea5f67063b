/**
 * The runtime-neutral core: metrics, registries, multiprocess modes.
 *
 * The metric classes are a drop-in for prom-client 15: same names, options, results and pages.
 *
 * @example
 * ```ts
 * import { Counter, register } from "./mod.ts";
 *
 * const requests = new Counter({
 *   name: "app_requests_total",
 *   help: "Requests served",
 *   labelNames: ["method"],
 * });
 * const get = requests.labels("GET");
 * get.inc();
 * console.log(await register.metrics());
 * ```
 *
 * @module
 */
export { exponentialBuckets, linearBuckets } from "./buckets.ts";
export { Counter, CounterChild } from "./counter.ts";
export type { Exemplar } from "./exemplar.ts";
export type { ForeignMetric } from "./foreign.ts";
export { Gauge } from "./gauge.ts";
export { GaugeChild } from "./gauge_child.ts";
export {
  Histogram,
  HistogramChild,
  type HistogramData,
  type HistogramSample,
} from "./histogram.ts";
export type { Labels, LabelTree } from "./labels.ts";
export {
  createMemoryStorage,
  type MemoryStorage,
  type MemoryWriterOptions,
} from "./memory_driver.ts";
export type { BaseMetric, MetricChild } from "./metric.ts";
export type {
  Aggregator,
  Charset,
  CollectFunction,
  Collector,
  CounterConfiguration,
  GaugeConfiguration,
  HistogramConfiguration,
  IncreaseDataWithExemplar,
  LabelValues,
  Metric,
  MetricConfiguration,
  MetricObject,
  MetricObjectWithValues,
  MetricRegistry,
  MetricType,
  MetricValue,
  MetricValueWithName,
  ObserveDataWithExemplar,
  OpenMetricsContentType,
  OpenMetricsMIME,
  OpenMetricsVersion,
  PrometheusContentType,
  PrometheusMetricsVersion,
  PrometheusMIME,
  RegistryContentType,
  SummaryConfiguration,
} from "./metric_types.ts";
export { GAUGE_MODES, type GaugeMode } from "./modes.ts";
export type { ProcessStore, Storable } from "./process_store.ts";
export {
  contentType,
  OPENMETRICS_CONTENT_TYPE as openMetricsContentType,
  PROMETHEUS_CONTENT_TYPE as prometheusContentType,
  register,
  Registry,
} from "./registry.ts";
export { type ForeignRegistry, shareRegistry } from "./share_registry.ts";
export type {
  Cell,
  Liveness,
  MetricKind,
  ReadProblem,
  SampleSource,
  Snapshot,
  StorageReader,
  StorageWriter,
} from "./storage.ts";
export { Summary, SummaryChild } from "./summary.ts";
export { validateMetricName } from "./validation.ts";
