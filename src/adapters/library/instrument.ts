/**
 * The instrumentation of this process, made when it is first asked for.
 *
 * @module
 */
import { loadConfig } from "../../config/load.ts";
import { SETTINGS } from "../../config/settings.ts";
import { register as defaultRegister, type Registry } from "../../core/registry.ts";
import {
  createInstrumentation,
  type FetchHandler,
  type Instrument,
  type Instrumentation,
} from "../../worker/instrument.ts";
import { installResponseTracking } from "../../worker/response_tracking.ts";
import { startSampler } from "../../worker/sampler.ts";
import { createWorkerMetrics, type WorkerMetrics } from "../../worker/worker_metrics.ts";
import { openedStorage } from "../storage/process_storage.ts";
import { RUNTIME } from "../this_runtime.ts";

/** How a process names its metrics. */
export interface WorkerOptions {
  /** Where the metrics are registered; default the global `register`. */
  readonly register?: Registry;
  /**
   * The `worker_id` label; default `GPE_WORKER_ID` where it may be read, else the number that the open
   * storage has given this process, isolate or thread, else `worker_1`.
   */
  readonly workerId?: string;
  /** What every name starts with; default `gunicorn`. */
  readonly prefix?: string;
  /** Whether the storage keeps times; default `true`. */
  readonly timestamps?: boolean;
  /**
   * Whether memory and processor time, which belong to the process, are shown. Of several isolates or
   * threads one does: by default the first that has opened the storage, where they are numbered.
   */
  readonly showsProcess?: boolean;
  /** Whether sizes have the label `endpoint`; default `GPE_SIZES_BY_ENDPOINT` where it may be read. */
  readonly sizesByEndpoint?: boolean;
}

/** Everything that records in this process. */
export interface WorkerInstrumentation extends Instrumentation {
  /** The series of this worker. */
  readonly metrics: WorkerMetrics;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
  /** Ends the sampler and gives the global `Response` back; the metrics stay registered. */
  stop(): void;
}

/**
 * Creates the metrics, notes sizes of responses and starts the sampler. Needs no permission.
 *
 * @throws {ConfigError} When `GPE_SIZES_BY_ENDPOINT` is neither true nor false.
 * @throws {Error} When a metric of the same name is registered already.
 */
export function startWorkerInstrumentation(options: WorkerOptions = {}): WorkerInstrumentation {
  const named = options.workerId ?? RUNTIME.env("GPE_WORKER_ID");
  const numbered = named === undefined ? openedStorage()?.workerNumber?.() : undefined;
  const metrics = createWorkerMetrics({
    register: options.register ?? defaultRegister,
    workerId: named ?? `worker_${numbered?.number ?? 1}`,
    prefix: options.prefix ?? "gunicorn",
    timestamps: options.timestamps ?? true,
    showsProcess: options.showsProcess ?? numbered?.isFirst ?? true,
    sizesByEndpoint: options.sizesByEndpoint ?? sizesByEndpointInEnv(),
  });
  const now = RUNTIME.sampler.now;
  const uninstall = installResponseTracking();
  const endSampler = startSampler(metrics, RUNTIME.sampler);
  return {
    ...createInstrumentation(metrics, now),
    metrics,
    now,
    stop() {
      endSampler();
      uninstall();
    },
  };
}

/** No other variable is asked for. */
function sizesByEndpointInEnv(): boolean {
  const { env: wanted } = SETTINGS.sizesByEndpoint;
  const env = (name: string): string | undefined => name === wanted ? RUNTIME.env(name) : undefined;
  return loadConfig({ flags: {}, env }).config.sizesByEndpoint;
}

let shared: WorkerInstrumentation | undefined;

/**
 * The instrumentation that {@linkcode instrument} uses too, so that an application which wraps
 * itself and the server it runs in record into the same series.
 *
 * @param options Count only at the first call in the process.
 */
export function workerInstrumentation(options?: WorkerOptions): WorkerInstrumentation {
  return shared ??= startWorkerInstrumentation(options);
}

/**
 * Records requests, responses, durations, sizes and failures around a fetch handler, or around an
 * object with a `fetch` method. The first call registers the metrics and starts the sampler.
 * Results, errors, `this` and further arguments stay as they are. An object is copied with its
 * prototype; its other methods must not use private fields.
 *
 * Call it after `openStorage()` where several isolates or threads of a process, or several processes,
 * write into one directory: then each has a `worker_id` of its own. In the other order totals are the
 * same, and gauges such as the lag of the event loop are those of one of them.
 *
 * Needs no permission; `GPE_WORKER_ID` and `GPE_SIZES_BY_ENDPOINT` are read where they may be.
 *
 * @example
 * ```ts ignore
 * import { instrument } from "@gpe/cli";
 *
 * Deno.serve(instrument(() => new Response("hello")));
 * ```
 * @throws {ConfigError} When `GPE_SIZES_BY_ENDPOINT` is neither true nor false.
 * @throws {TypeError} When the target is neither a function nor has a `fetch` method.
 */
export const instrument: Instrument = <H extends FetchHandler>(target: H): H =>
  workerInstrumentation().instrument(target);
