/** Programs typed for prom-client compile against ours: most of this file is checked, not run. */
import { assertEquals } from "@std/assert";
import type * as prom from "prom-client";
import {
  type Aggregator,
  type CollectFunction,
  type Collector,
  contentType,
  Counter,
  type CounterConfiguration,
  type exponentialBuckets,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  type IncreaseDataWithExemplar,
  type LabelValues,
  type linearBuckets,
  type Metric,
  type MetricConfiguration,
  type MetricObject,
  type MetricObjectWithValues,
  type MetricType,
  type MetricValue,
  type MetricValueWithName,
  type ObserveDataWithExemplar,
  type OpenMetricsContentType,
  openMetricsContentType,
  type PrometheusContentType,
  prometheusContentType,
  type register,
  Registry,
  type RegistryContentType,
  Summary,
  type SummaryConfiguration,
  type validateMetricName,
} from "../../../src/core/mod.ts";

/** Compiles when the first type can stand where the second is asked for. */
type Fits<Ours extends Theirs, Theirs> = [Ours, Theirs];
type L = "method" | "path";

// What a program makes of prom-client's types it may hand to ours …
export type Configurations = [
  Fits<prom.LabelValues<L>, LabelValues<L>>,
  Fits<prom.Aggregator, Aggregator>,
  Fits<prom.Collector, Collector>,
  Fits<prom.IncreaseDataWithExemplar<L>, IncreaseDataWithExemplar<L>>,
  Fits<prom.ObserveDataWithExemplar<L>, ObserveDataWithExemplar<L>>,
  Fits<prom.MetricConfiguration<L>, MetricConfiguration<L>>,
  Fits<prom.CounterConfiguration<L>, CounterConfiguration<L>>,
  Fits<prom.GaugeConfiguration<L>, GaugeConfiguration<L>>,
  Fits<prom.HistogramConfiguration<L>, HistogramConfiguration<L>>,
  Fits<prom.SummaryConfiguration<L>, SummaryConfiguration<L>>,
];

// … and ours to a library that asks for prom-client's.
export type Instances = [
  Fits<Counter<L>, prom.Counter<L>>,
  Fits<Gauge<L>, prom.Gauge<L>>,
  Fits<Histogram<L>, prom.Histogram<L>>,
  Fits<Summary<L>, prom.Summary<L>>,
  Fits<Counter.Internal, prom.Counter.Internal>,
  Fits<Gauge.Internal<L>, prom.Gauge.Internal<L>>,
  Fits<Histogram.Internal<L>, prom.Histogram.Internal<L>>,
  Fits<Summary.Internal<L>, prom.Summary.Internal<L>>,
  Fits<Metric<L>, prom.Metric<L>>,
  Fits<MetricObject, prom.MetricObject>,
  Fits<MetricType, prom.MetricType>,
  Fits<MetricValueWithName<L>, prom.MetricValueWithName<L>>,
  Fits<MetricObjectWithValues<MetricValue<L>>, prom.MetricObjectWithValues<prom.MetricValue<L>>>,
  Fits<Registry, prom.Registry>,
  Fits<Registry<OpenMetricsContentType>, prom.Registry<prom.OpenMetricsContentType>>,
  Fits<typeof register, typeof prom.register>,
  Fits<RegistryContentType, prom.RegistryContentType>,
  Fits<PrometheusContentType, prom.PrometheusContentType>,
  Fits<typeof linearBuckets, typeof prom.linearBuckets>,
  Fits<typeof exponentialBuckets, typeof prom.exponentialBuckets>,
  Fits<typeof validateMetricName, typeof prom.validateMetricName>,
];

Deno.test("a program written for prom-client's types runs unchanged", async () => {
  const registry = new Registry();
  const labelNames = ["method", "path"] as const;
  const configuration: CounterConfiguration<L> = {
    name: "requests_total",
    help: "Requests",
    labelNames: ["method", "path"],
    registers: [registry],
  };
  const counter = new Counter(configuration);
  const kept: Counter.Internal = counter.labels({ method: "GET" });
  kept.inc();
  const collect: CollectFunction<Gauge<string>> = function () {
    this.set(3);
  };
  new Gauge({ name: "g", help: "h", registers: [registry], collect });
  const histogram = new Histogram({ name: "h", help: "h", labelNames, registers: [registry] });
  histogram.labels("GET", "/").observe(1);
  // @ts-expect-error: the label is not among the names
  const wrong = () => histogram.observe({ nope: "x" }, 1);
  const summary = new Summary({ name: "s", help: "h", labelNames, registers: [registry] });
  const end: (labels?: LabelValues<L>) => number = summary.startTimer({ method: "GET" });
  end({ path: "/" });
  const values: MetricValue<L>[] = (await counter.get()).values;
  assertEquals(values, [{ value: 1, labels: { method: "GET" } }]);
  const found: Metric | undefined = registry.getSingleMetric("requests_total");
  assertEquals(found?.constructor.name, "Counter");
  assertEquals(typeof wrong, "function");
  assertEquals([contentType, prometheusContentType, openMetricsContentType], [
    Registry.PROMETHEUS_CONTENT_TYPE,
    Registry.PROMETHEUS_CONTENT_TYPE,
    Registry.OPENMETRICS_CONTENT_TYPE,
  ]);
});
