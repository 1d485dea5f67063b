/**
 * prom-client's metrics of the process: CPU, memory, event loop, garbage collection.
 *
 * @module
 */
import * as promClient from "npm:prom-client@^15.1.3";
import type { PrometheusContentType, RegistryContentType } from "../../core/metric_types.ts";
import { register, type Registry } from "../../core/registry.ts";

/** What takes metrics: a registry of ours or of prom-client. */
export interface RegistryLike {
  /** Takes a metric. */
  registerMetric(metric: never): void;
}

/** Options of {@linkcode collectDefaultMetrics}, as prom-client has them. */
export interface DefaultMetricsOptions {
  /** The registry that takes the metrics. Default: our global one. */
  readonly register?: RegistryLike;
  /** Put in front of each name. Default: nothing. */
  readonly prefix?: string;
  /** Bounds of the histogram of garbage collections, seconds. */
  readonly gcDurationBuckets?: readonly number[];
  /** Resolution of the event-loop timer, milliseconds. Default 10. */
  readonly eventLoopMonitoringPrecision?: number;
  /** Labels of every metric. */
  readonly labels?: object;
}

/** The same options under prom-client's name. */
export interface DefaultMetricsCollectorConfiguration<T extends RegistryContentType>
  extends DefaultMetricsOptions {
  /** The registry that takes the metrics. Default: our global one. */
  readonly register?: Registry<T>;
}

/** The type of {@linkcode collectDefaultMetrics}. */
export interface CollectDefaultMetrics {
  /** Makes the metrics and registers them. @throws {Error} when they are registered already */
  <_T extends RegistryContentType = PrometheusContentType>(options?: DefaultMetricsOptions): void;
  /** The names of the groups of metrics. */
  readonly metricsList: string[];
}

/**
 * Collects prom-client's default metrics into our global registry, from where they are copied into
 * the store every second. Aggregated over workers, each follows the `aggregator` that prom-client
 * gave it, for live workers only.
 */
export const collectDefaultMetrics: CollectDefaultMetrics = Object.assign(
  (options?: DefaultMetricsOptions): void => {
    // A registry given as `undefined` is ours too, not prom-client's. What is no object it refuses.
    const configuration = typeof (options ?? {}) === "object"
      ? { ...options, register: options?.register ?? register }
      : options;
    promClient.collectDefaultMetrics(
      // Its functions only call `registerMetric`, which our registry has too.
      configuration as unknown as promClient.DefaultMetricsCollectorConfiguration<
        promClient.RegistryContentType
      >,
    );
  },
  { metricsList: promClient.collectDefaultMetrics.metricsList },
);
