/**
 * A program for prom-client that uses all that its types have. It is checked and run as it is, and
 * with the name of our package in the place of prom-client's: both must print the same.
 */
import client from "prom-client";
import * as everything from "prom-client";
import {
  type Aggregator,
  AggregatorRegistry,
  type Charset,
  collectDefaultMetrics,
  type Collector,
  contentType,
  Counter,
  type CounterConfiguration,
  type DefaultMetricsCollectorConfiguration,
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
  Pushgateway,
  register,
  Registry,
  type RegistryContentType,
  Summary,
  type SummaryConfiguration,
  validateMetricName,
} from "prom-client";

type L = "method" | "path";

// Every type has a use.
const aggregator: Aggregator = "max";
const charset: Charset = "utf-8";
const text: [PrometheusMIME, PrometheusMetricsVersion] = ["text/plain", "0.0.4"];
const open: [OpenMetricsMIME, OpenMetricsVersion] = ["application/openmetrics-text", "1.0.0"];
const contentTypes: [PrometheusContentType, OpenMetricsContentType, RegistryContentType] = [
  `${text[0]}; version=${text[1]}; charset=${charset}`,
  `${open[0]}; version=${open[1]}; charset=${charset}`,
  contentType,
];
console.log(...contentTypes, prometheusContentType, openMetricsContentType);
let calls = 0;
const collector: Collector = () => void calls++;
const registry = new Registry();
const registers = [registry];
const labelNames: L[] = ["method", "path"];

const counterOptions: CounterConfiguration<L> = {
  name: "requests_total",
  help: "Requests",
  labelNames,
  registers,
  aggregator: "sum",
  collect() {
    collector();
    this.inc({ method: "collected" });
  },
};
const counter = new Counter(counterOptions);
counter.inc();
counter.inc(2);
counter.inc({ method: "GET", path: "/" });
counter.inc({ method: "GET" }, 5);
const keptCounter: Counter.Internal = counter.labels("POST", "/x");
keptCounter.inc();
keptCounter.inc(3);
counter.labels({ path: "/y" }).inc(1);
counter.remove("POST", "/x");
counter.remove({ method: "none" });
console.log((await counter.get()).values.map(({ value, labels }) => [value, labels.method]));

const gaugeOptions: GaugeConfiguration<L> = {
  name: "g",
  help: "Gauge",
  labelNames,
  registers,
  aggregator,
};
const gauge = new Gauge(gaugeOptions);
gauge.set(4);
gauge.set({ method: "GET" }, 2);
gauge.inc();
gauge.inc(2);
gauge.inc({ path: "/" }, 2);
gauge.dec();
gauge.dec(2);
gauge.dec({ path: "/" });
gauge.setToCurrentTime({ method: "now" });
gauge.remove({ method: "now" });
const keptGauge: Gauge.Internal<L> = gauge.labels("PUT", "/");
keptGauge.set(1);
keptGauge.inc(2);
keptGauge.dec();
keptGauge.setToCurrentTime();
console.log(typeof keptGauge.startTimer()({ path: "/t" }), typeof gauge.startTimer()());
gauge.reset();
gauge.set({ method: "GET" }, 2);

const histogramOptions: HistogramConfiguration<L> = {
  name: "h",
  help: "Histogram",
  labelNames: ["method", "path"] as const,
  registers,
  buckets: [...linearBuckets(1, 2, 3), ...exponentialBuckets(10, 10, 2)],
};
const histogram = new Histogram(histogramOptions);
histogram.observe(2);
histogram.observe({ method: "GET" }, 20);
histogram.zero({ method: "zero" });
const keptHistogram: Histogram.Internal<L> = histogram.labels({ method: "kept" });
keptHistogram.observe(3);
console.log(typeof histogram.startTimer({ method: "t" })({ path: "/" }));
keptHistogram.startTimer()();
histogram.remove({ method: "t", path: "/" });
histogram.remove({ method: "kept" });
console.log((await histogram.get()).values.map(({ metricName, value }) => [metricName, value]));

const summaryOptions: SummaryConfiguration<L> = {
  name: "s",
  help: "Summary",
  labelNames,
  registers,
  percentiles: [0.5, 0.9],
  maxAgeSeconds: 600,
  ageBuckets: 5,
  pruneAgedBuckets: false,
  compressCount: 100,
};
const summary = new Summary(summaryOptions);
summary.observe(2);
summary.observe({ method: "GET" }, 3);
const keptSummary: Summary.Internal<L> = summary.labels("GET", "/");
keptSummary.observe(1);
console.log(typeof summary.startTimer()({ method: "t" }), typeof keptSummary.startTimer()());
summary.remove("GET", "/");
summary.remove({ method: "t" });
console.log((await summary.get()).values.length);

const exemplars = new Registry<OpenMetricsContentType>();
exemplars.setContentType(openMetricsContentType);
const increase: IncreaseDataWithExemplar<L> = { value: 2, labels: { method: "GET" } };
const observation: ObserveDataWithExemplar<L> = { value: 2, labels: { method: "GET" } };
const openMetrics = { labelNames, registers: [exemplars], enableExemplars: true, help: "x" };
new Counter({ ...openMetrics, name: "e_total" }).inc(increase);
const withExemplars = new Histogram({ ...openMetrics, name: "eh", buckets: [1] });
withExemplars.observe(observation);
console.log(typeof withExemplars.startTimer({ method: "a" }, { path: "b" })({}, { method: "c" }));
withExemplars.remove({ method: "a" });
console.log(await exemplars.metrics());

registry.setDefaultLabels({ app: "corpus" });
console.log(await registry.metrics(), registry.contentType, calls);
console.log(JSON.stringify(await registry.getMetricsAsJSON()));
console.log(
  registry.getMetricsAsArray().map((
    { name, help, type, aggregator },
  ) => [name, help, type, aggregator]),
);
const found: Metric<L> | undefined = registry.getSingleMetric<L>("g");
const type: MetricType | undefined = (await found?.get())?.type;
console.log(type, await registry.getSingleMetricAsString("g"));
registry.removeSingleMetric("g");
registry.registerMetric(gauge);
registry.resetMetrics();
console.log(await Registry.merge([registry, new Registry()]).metrics());
console.log(Registry.PROMETHEUS_CONTENT_TYPE, Registry.OPENMETRICS_CONTENT_TYPE);
registry.clear();
console.log([await registry.metrics(), validateMetricName("a:b"), validateMetricName("a b")]);

const defaults: DefaultMetricsCollectorConfiguration<PrometheusContentType> = {
  register: registry,
  prefix: "own_",
  gcDurationBuckets: [0.1, 1],
  eventLoopMonitoringPrecision: 20,
  labels: { zone: "a" },
};
collectDefaultMetrics(defaults);
collectDefaultMetrics<PrometheusContentType>({ register: new Registry() });
console.log(
  registry.getMetricsAsArray().map(({ name }) => name),
  collectDefaultMetrics.metricsList,
);

const aggregating = new AggregatorRegistry<PrometheusContentType>();
AggregatorRegistry.setRegistries(register);
AggregatorRegistry.setRegistries([register]);
const json = [{ name: "a", help: "h", type: "gauge", aggregator: "sum", values: [] }];
const aggregated: Registry<PrometheusContentType> = AggregatorRegistry.aggregate([json, json]);
console.log(await aggregated.metrics(), aggregating.contentType, typeof aggregating.clusterMetrics);

const gateway = new Pushgateway<PrometheusContentType>(
  "http://localhost:1",
  { timeout: 9 },
  registry,
);
const parameters: Pushgateway.Parameters = { jobName: "job", groupings: { a: "b" } };
console.log(parameters, typeof gateway.push, typeof gateway.pushAdd, typeof gateway.delete);

// The module as one object, by either import.
const viaDefault = new client.Counter({ name: "c_total", help: "h" });
const kept: client.Counter<string> = new everything.Counter({ name: "d_total", help: "h" });
viaDefault.inc();
kept.inc();
console.log(await client.register.metrics(), client.register === everything.register);
console.log(register === client.register, client.contentType === contentType);
