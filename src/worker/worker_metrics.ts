/**
 * The metrics of one worker, each resolved to the series it writes.
 *
 * @module
 */
import { Counter } from "../core/counter.ts";
import { Gauge } from "../core/gauge.ts";
import { Histogram } from "../core/histogram.ts";
import type { Registry } from "../core/registry.ts";
import type { GaugeMode } from "../core/modes.ts";
import {
  boundedLabel,
  collapsePath,
  methodLabel,
  OTHER,
  OTHER_ENDPOINT,
} from "./endpoint_label.ts";

/** Bounds of the duration histogram, in seconds. */
const DURATION_BUCKETS: readonly number[] = [
  .001,
  .0025,
  .005,
  .01,
  .025,
  .05,
  .1,
  .25,
  .5,
  1,
  2.5,
  5,
  10,
  30,
  60,
];

/** Bounds of the size histograms, in bytes: 1 KiB to 4 MiB, each four times the one before. */
const SIZE_BUCKETS: readonly number[] = [1, 4, 16, 64, 256, 1024, 4096].map((n) => n * 1024);

/** How many different endpoints one worker names before it says `__other__`. */
const ENDPOINT_LIMIT = 100;
/** How many different error types one worker names before it says `other`. */
const ERROR_TYPE_LIMIT = 100;

/** Statuses that are counted from 0; others begin with their first response. */
const FIRST_STATUSES: readonly number[] = [200, 500];

/** How to make {@linkcode WorkerMetrics}. */
export interface WorkerMetricsOptions {
  /** Where the metrics are registered. */
  readonly register: Registry;
  /** The `worker_id` label: `worker_<slot>`, the same after a restart. */
  readonly workerId: string;
  /** What every name starts with; default `gunicorn`. */
  readonly prefix?: string;
  /**
   * Whether the storage keeps times; default `true`. Without them the newest value of a slot cannot
   * be told: the gauges of a worker show the highest of its live writers instead.
   */
  readonly timestamps?: boolean;
  /** Whether memory and processor time of the process are shown; default `true`. */
  readonly showsProcess?: boolean;
}

interface CounterSeries {
  inc(value?: number): void;
}
interface GaugeSeries {
  inc(value?: number): void;
  dec(value?: number): void;
  set(value: number): void;
}
/** The place of a gauge that another worker shows. */
const NOT_SHOWN: GaugeSeries = { inc() {}, dec() {}, set() {} };

interface HistogramSeries {
  observe(value: number): void;
}

/** The series of one worker. */
export interface WorkerMetrics {
  /** Requests being handled. */
  readonly inProgress: GaugeSeries;
  /** Sizes of request bodies, in bytes, where the client announced one. */
  readonly requestSize: HistogramSeries;
  /** Sizes of response bodies, in bytes, as the application made them. */
  readonly responseSize: HistogramSeries;
  /** How late a timer fires, in seconds. */
  readonly eventLoopLag: GaugeSeries;
  /** Resident memory, in bytes. */
  readonly memory: GaugeSeries;
  /** Processor time used per time passed, in percent of one core. */
  readonly cpu: GaugeSeries;
  /** Time since the worker started, in seconds. */
  readonly uptime: GaugeSeries;
  /** How many requests were counted so far. */
  readonly requestCount: number;
  /** Counts a request that was answered or failed, with the time it took in seconds. */
  countRequest(seconds: number): void;
  /** Counts a response by its status. */
  countCode(status: number): void;
  /** Counts an error response: `errorType` is the status code, or the class of what was thrown. */
  countError(errorType: string, request: RequestLine): void;
  /** Counts a request whose handler threw, and the error response that it causes. */
  countFailure(errorType: string, request: RequestLine): void;
}

/** What is known of a request; read only when a label is needed. */
export interface RequestLine {
  /** The request's method. */
  readonly method?: string | undefined;
  /** The URL or the request target. */
  readonly url?: string | undefined;
}

/**
 * Registers the metrics of a worker.
 *
 * @throws {Error} When a metric of the same name is registered already.
 */
export function createWorkerMetrics(options: WorkerMetricsOptions): WorkerMetrics {
  const { register, workerId, timestamps = true, showsProcess = true } = options;
  const prefix = `${options.prefix ?? "gunicorn"}_worker_`;
  const labels = { worker_id: workerId };
  const registers = [register];

  const counter = <L extends string>(name: string, help: string, more: readonly L[]) =>
    new Counter({
      name: prefix + name,
      help,
      labelNames: ["worker_id", ...more],
      registers,
    });
  const gauge = (name: string, help: string, multiprocessMode: GaugeMode) =>
    new Gauge({
      name: prefix + name,
      help,
      labelNames: ["worker_id"],
      multiprocessMode,
      registers,
    }).labels(labels);
  // What counts is there from the start, at 0: Prometheus sees no increase in a series that begins
  // with its first event.
  const histogram = (name: string, help: string, buckets: readonly number[]) => {
    const metric = new Histogram({
      name: prefix + name,
      help,
      labelNames: ["worker_id"],
      buckets: [...buckets],
      registers,
    });
    metric.zero(labels);
    return metric.labels(labels);
  };
  const newest = timestamps ? "livemostrecent" : "livemax";

  const requests = counter("requests_total", "Requests answered or failed.", []).labels(labels);
  const duration = histogram(
    "request_duration_seconds",
    "Time from the request to its response.",
    DURATION_BUCKETS,
  );
  const responses = counter("responses_total", "Responses by status code.", ["code"]);
  const failure = ["method", "endpoint", "error_type"] as const;
  const failed = counter(
    "failed_requests_total",
    "Requests whose handler threw or rejected.",
    failure,
  );
  const handled = counter(
    "error_handling_total",
    "Error responses: thrown errors, and status codes of 500 and above.",
    failure,
  );
  const endpointLabel = boundedLabel(ENDPOINT_LIMIT, OTHER_ENDPOINT);
  const typeLabel = boundedLabel(ERROR_TYPE_LIMIT, OTHER);
  const failureLabels = (type: string, { method, url }: RequestLine) => ({
    worker_id: workerId,
    method: methodLabel(method ?? ""),
    endpoint: url === undefined ? OTHER_ENDPOINT : endpointLabel(collapsePath(url)),
    error_type: typeLabel(type),
  });
  const byCode: CounterSeries[] = [];
  let requestCount = 0;
  const seriesOf = (status: number): CounterSeries =>
    byCode[status] ??= responses.labels({ ...labels, code: String(status) });
  requests.inc(0);
  for (const status of FIRST_STATUSES) seriesOf(status).inc(0);

  return {
    inProgress: gauge("requests_in_progress", "Requests being handled.", "livesum"),
    requestSize: histogram("request_size_bytes", "Sizes of request bodies.", SIZE_BUCKETS),
    responseSize: histogram("response_size_bytes", "Sizes of response bodies.", SIZE_BUCKETS),
    eventLoopLag: gauge(
      "event_loop_lag_seconds",
      "The longest delay of a timer within the last second.",
      newest,
    ),
    memory: showsProcess
      ? gauge("memory_bytes", "Resident memory of the worker.", newest)
      : NOT_SHOWN,
    cpu: showsProcess
      ? gauge("cpu_percent", "Processor time used, in percent of one core.", newest)
      : NOT_SHOWN,
    uptime: gauge("uptime_seconds", "Time since the worker started.", newest),
    get requestCount() {
      return requestCount;
    },
    countRequest(seconds) {
      requestCount++;
      requests.inc();
      duration.observe(seconds);
    },
    countCode(status) {
      seriesOf(status).inc();
    },
    countError(errorType, request) {
      handled.labels(failureLabels(errorType, request)).inc();
    },
    countFailure(errorType, request) {
      const values = failureLabels(errorType, request);
      failed.labels(values).inc();
      handled.labels(values).inc();
    },
  };
}
