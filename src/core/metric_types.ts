/**
 * The types around the metric classes: those of prom-client 15, under the same names.
 *
 * @module
 */
import type { MetricType as PromMetricType } from "prom-client";
import type { Counter } from "./counter.ts";
import type { Gauge } from "./gauge.ts";
import type { Histogram } from "./histogram.ts";
import type { GaugeMode } from "./modes.ts";
import type { Summary } from "./summary.ts";

/**
 * The type of a metric. prom-client declares an enumeration that does not exist at run time: there, and
 * here, it is a text such as `"counter"`.
 */
export type MetricType = PromMetricType;

/** The character set of both content types. */
export type Charset = "utf-8";
/** Media type of the Prometheus text format. */
export type PrometheusMIME = "text/plain";
/** Version of the Prometheus text format. */
export type PrometheusMetricsVersion = "0.0.4";
/** Media type of OpenMetrics. */
export type OpenMetricsMIME = "application/openmetrics-text";
/** Version of OpenMetrics. */
export type OpenMetricsVersion = "1.0.0";
/** Content type of OpenMetrics. */
export type OpenMetricsContentType =
  `${OpenMetricsMIME}; version=${OpenMetricsVersion}; charset=${Charset}`;
/** Content type of the Prometheus text format. */
export type PrometheusContentType =
  `${PrometheusMIME}; version=${PrometheusMetricsVersion}; charset=${Charset}`;
/** The content types a registry prints. */
export type RegistryContentType = PrometheusContentType | OpenMetricsContentType;

/** Label values by name; labels may be missing. */
export type LabelValues<T extends string> = Partial<Record<T, string | number>>;

/** prom-client's ways to bring several workers' values together. */
export type Aggregator = "omit" | "sum" | "first" | "min" | "max" | "average";

/** Called before the metric is read; brings its value up to date. */
export type CollectFunction<T> = (this: T) => void | Promise<void>;
/** A function that collects. */
export type Collector = () => void;

/** Any of the four metrics. */
export type Metric<T extends string = string> =
  | Counter<T>
  | Gauge<T>
  | Summary<T>
  | Histogram<T>;

/** What a registry tells about a metric. */
export interface MetricObject {
  /** The metric name. */
  name: string;
  /** The help text. */
  help: string;
  /** `"counter"`, `"gauge"`, `"histogram"` or `"summary"`; typed as prom-client types it. */
  type: MetricType;
  /** The aggregator, `"sum"` by default. */
  aggregator: Aggregator;
  /** The function that brings the metric up to date, where it has one. */
  collect: CollectFunction<unknown>;
}

/** A metric with its values. */
export interface MetricObjectWithValues<T extends MetricValue<string>> extends MetricObject {
  /** The values, in the order in which their series came to be. */
  values: T[];
}

/** One value. */
export type MetricValue<T extends string> = {
  /** The value. */
  value: number;
  /** Its labels. */
  labels: LabelValues<T>;
};

/** One value of a metric that prints several samples. */
export type MetricValueWithName<T extends string> = MetricValue<T> & {
  /** The sample name; the metric's own when missing. */
  metricName?: string;
};

/** Where a metric can be registered: a registry of this package or of prom-client. */
export interface MetricRegistry {
  /** What the registry prints. */
  readonly contentType: string;
  /** Takes the metric. */
  registerMetric(metric: never): void;
}

/** What all metrics are made from. */
export interface MetricConfiguration<T extends string> {
  /** The metric name: letters, digits, `_` and `:`, no digit first. */
  name: string;
  /** The help text; must not be empty. */
  help: string;
  /** The names of the labels; none by default. */
  labelNames?: T[] | readonly T[];
  /** The registries that take the metric; the global one by default. */
  registers?: MetricRegistry[];
  /** prom-client's aggregator. A gauge's is looked at where `multiprocessMode` is missing. */
  aggregator?: Aggregator;
  /** Called before the metric is read. */
  collect?: CollectFunction<never>;
  /** Whether updates may carry exemplars; OpenMetrics registries only. */
  enableExemplars?: boolean;
}

/** What a counter is made from. */
export interface CounterConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Called before the counter is read. */
  collect?: CollectFunction<Counter<T>>;
}

/** What a gauge is made from. */
export interface GaugeConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Called before the gauge is read. */
  collect?: CollectFunction<Gauge<T>>;
  /** How the values of several workers become one; see {@linkcode GaugeMode}. */
  multiprocessMode?: GaugeMode;
}

/** What a histogram is made from. */
export interface HistogramConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Upper bounds of the buckets, ascending, without the infinite one; 0.005 to 10 by default. */
  buckets?: number[];
  /** Called before the histogram is read. */
  collect?: CollectFunction<Histogram<T>>;
}

/** What a summary is made from. */
export interface SummaryConfiguration<T extends string> extends MetricConfiguration<T> {
  /** The quantiles, 0 to 1. */
  percentiles?: number[];
  /** The time window of the quantiles, in seconds; without it they cover everything. */
  maxAgeSeconds?: number;
  /** In how many steps the window moves. */
  ageBuckets?: number;
  /** Whether a series is dropped when its window holds nothing. */
  pruneAgedBuckets?: boolean;
  /** After how many observations the digest is compressed; 1,000 by default. */
  compressCount?: number;
  /** Called before the summary is read. */
  collect?: CollectFunction<Summary<T>>;
}

/** An increment with an exemplar. */
export interface IncreaseDataWithExemplar<T extends string> {
  /** How much, 1 by default. */
  value?: number;
  /** The labels of the series. */
  labels?: LabelValues<T>;
  /** The labels of the exemplar. */
  exemplarLabels?: LabelValues<T>;
}

/** An observation with an exemplar. */
export interface ObserveDataWithExemplar<T extends string> {
  /** What was observed. */
  value: number;
  /** The labels of the series. */
  labels?: LabelValues<T>;
  /** The labels of the exemplar. */
  exemplarLabels?: LabelValues<T>;
}
