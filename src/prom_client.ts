/**
 * Everything that prom-client exports, under its names: the default export of the package, so that
 * `import client from "@gpe/cli"` is a change of nothing but the module's name.
 *
 * @module
 */
export { AggregatorRegistry } from "./adapters/library/aggregator_registry.ts";
export {
  collectDefaultMetrics,
  type DefaultMetricsCollectorConfiguration,
} from "./adapters/library/default_metrics.ts";
export { Pushgateway } from "./adapters/library/pushgateway.ts";
export {
  type Aggregator,
  type Charset,
  type Collector,
  contentType,
  Counter,
  type CounterConfiguration,
  exponentialBuckets,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  type IncreaseDataWithExemplar,
  linearBuckets,
  type Metric,
  type MetricType,
  type ObserveDataWithExemplar,
  type OpenMetricsContentType,
  openMetricsContentType,
  type OpenMetricsMIME,
  type OpenMetricsVersion,
  type PrometheusContentType,
  prometheusContentType,
  type PrometheusMetricsVersion,
  type PrometheusMIME,
  register,
  Registry,
  type RegistryContentType,
  Summary,
  type SummaryConfiguration,
  validateMetricName,
} from "./core/mod.ts";
