/** The worker metrics of a registry of their own, and their values by series. */
import { Registry } from "../../src/core/registry.ts";
import {
  createWorkerMetrics,
  type WorkerMetrics,
  type WorkerMetricsOptions,
} from "../../src/worker/worker_metrics.ts";

/** Metrics and a way to read them. */
export interface MeasuredWorker {
  /** Where the metrics are registered. */
  readonly register: Registry;
  /** The metrics of `worker_7`. */
  readonly metrics: WorkerMetrics;
  /** Values by `name{labels}`, without the prefix, `worker_id`, buckets, what is sampled, and series that are 0. */
  values(): Promise<Record<string, number>>;
}

/** Makes the metrics of a worker for one test. */
export function measuredWorker(
  options: Partial<WorkerMetricsOptions> = {},
): MeasuredWorker {
  const { register = new Registry() } = options;
  const metrics = createWorkerMetrics({ ...options, register, workerId: "worker_7" });
  return { register, metrics, values: () => workerValues(register) };
}

/** What the sampler sets: different in every run. */
const SAMPLED = /^(?:memory_bytes|cpu_percent|uptime_seconds|event_loop_lag_seconds)$/;

/** Reads the worker metrics of a registry, as {@linkcode MeasuredWorker.values} gives them. */
export async function workerValues(register: Registry): Promise<Record<string, number>> {
  return workerValuesOf(await register.metrics());
}

/** Reads the worker metrics of a registry's page, as {@linkcode MeasuredWorker.values} gives them. */
export function workerValuesOf(page: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const line of page.split("\n")) {
    const match = /^gunicorn_worker_(\w+)\{worker_id="\w+",?(.*)\} (.+)$/.exec(line);
    if (match === null || Number(match[3]) === 0) continue;
    if (match[1]!.endsWith("_bucket") || SAMPLED.test(match[1]!)) continue;
    values[match[2] === "" ? match[1]! : `${match[1]}{${match[2]}}`] = Number(match[3]);
  }
  return values;
}
