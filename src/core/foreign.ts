/**
 * Metrics that are not ours, prom-client's above all: their values are copied into the store.
 *
 * @module
 */
import { ForeignTracker } from "./foreign_tracker.ts";
import type { Storable } from "./process_store.ts";

/** What a metric of another library must have: prom-client's metrics do. */
export interface ForeignMetric {
  /** The metric name. It is there at run time; prom-client's types do not mention it. */
  readonly name?: string;
  /** Gives help text, type, aggregator and values, in prom-client's shape. */
  get(): unknown;
}

/** Something that is stored while a registry has it. */
export interface Tracked extends Storable {
  /** A registry has taken the metric. */
  joined(registry: object): void;
  /** A registry has dropped the metric. */
  left(registry: object): void;
  /** The default labels of a registry may have changed. Who copies values looks by itself. */
  relabel?(): void;
}

/** Where the trackers are: other copies of this module must not copy the same metric once more. */
const TRACKERS = Symbol.for("@gpe/cli/trackers/1");

/**
 * How a metric gets into the store: by itself when it is ours (of this or another copy of this
 * module), else through snapshots. The same metric always gives the same object.
 *
 * @param metric A metric of ours or of another library.
 */
export function storableOf(metric: Tracked | ForeignMetric): Tracked {
  if ("attach" in metric) return metric;
  const holder = globalThis as { [TRACKERS]?: WeakMap<object, Tracked> };
  const trackers = holder[TRACKERS] ??= new WeakMap();
  let tracker = trackers.get(metric);
  if (tracker === undefined) trackers.set(metric, tracker = new ForeignTracker(metric));
  return tracker;
}
