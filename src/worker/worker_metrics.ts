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
import { boundedLabel, endpointLabels, errorType, methodLabel, OTHER } from "./endpoint_label.ts";
import { caughtError } from "./route_note.ts";
import { createSizes, type SizesOf } from "./size_metrics.ts";

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
  /** Whether sizes have the label `endpoint`; default `false`. */
  readonly sizesByEndpoint?: boolean;
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

/** The series of one worker. */
export interface WorkerMetrics {
  /** Requests being handled. */
  readonly inProgress: GaugeSeries;
  /** Whether sizes wait for the answer, which tells the endpoint. */
  readonly sizesByEndpoint: boolean;
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
  /** Where the sizes of a request go. The status, 0 without one, matters with `sizesByEndpoint`. */
  readonly sizesOf: SizesOf;
  /**
   * Counts an error response by its status. Where the error behind it was noted on the request, it
   * counts as a failed request, by the class of that error.
   */
  countErrorResponse(status: number, request: RequestLine): void;
  /** Counts a request without a whole answer, where an error was noted on it. */
  countBrokenOff(request: RequestLine): void;
  /** Counts a request whose handler threw, and the error response that it causes. */
  countFailure(errorType: string, request: RequestLine): void;
}

/** What is known of a request; read only when a label is needed. */
export interface RequestLine {
  /** The request's method. */
  readonly method?: string | undefined;
  /** The URL or the request target. */
  readonly url?: string | undefined;
  /** What that was before a router of Express or the like cut it. */
  readonly originalUrl?: string | undefined;
}

/**
 * Registers the metrics of a worker.
 *
 * @throws {Error} When a metric of the same name is registered already.
 */
export function createWorkerMetrics(options: WorkerMetricsOptions): WorkerMetrics {
  const { register, workerId, timestamps = true, showsProcess = true } = options;
  const { sizesByEndpoint = false } = options;
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
    "Requests that an error made fail: thrown, or caught and answered with 500 or above.",
    failure,
  );
  const handled = counter(
    "error_handling_total",
    "Error responses: thrown errors, and status codes of 500 and above.",
    failure,
  );
  const endpoints = endpointLabels();
  const typeLabel = boundedLabel(ERROR_TYPE_LIMIT, OTHER);
  const failureLabels = (type: string, request: RequestLine) => ({
    worker_id: workerId,
    method: methodLabel(request.method ?? ""),
    endpoint: endpoints.of(request),
    error_type: typeLabel(type),
  });
  const countFailure = (errorType: string, request: RequestLine): void => {
    const values = failureLabels(errorType, request);
    failed.labels(values).inc();
    handled.labels(values).inc();
  };
  const byCode: CounterSeries[] = [];
  let requestCount = 0;
  const seriesOf = (status: number): CounterSeries =>
    byCode[status] ??= responses.labels({ ...labels, code: String(status) });
  requests.inc(0);
  for (const status of FIRST_STATUSES) seriesOf(status).inc(0);

  return {
    inProgress: gauge("requests_in_progress", "Requests being handled.", "livesum"),
    sizesByEndpoint,
    sizesOf: createSizes({
      register,
      prefix,
      workerId,
      endpoints: sizesByEndpoint ? endpoints : undefined,
    }),
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
    countErrorResponse(status, request) {
      const caught = caughtError(request);
      if (caught !== undefined) return countFailure(errorType(caught.error), request);
      handled.labels(failureLabels(String(status), request)).inc();
    },
    countBrokenOff(request) {
      const caught = caughtError(request);
      if (caught !== undefined) countFailure(errorType(caught.error), request);
    },
    countFailure,
  };
}
