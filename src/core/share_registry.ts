/**
 * Registries of prom-client, whose metrics become those of all workers.
 *
 * @module
 */
import { type ForeignMetric, storableOf, type Tracked } from "./foreign.ts";
import { processStore } from "./process_store.ts";

/** What a registry of prom-client, or of a library that has come from it, offers. */
export interface ForeignRegistry {
  /** What the registry prints. */
  readonly contentType: string;
  /** The metrics. */
  getMetricsAsArray(): readonly unknown[];
  /** Takes a metric. */
  registerMetric(metric: never): void;
  /** A metric by name. */
  getSingleMetric(name: string): unknown;
  /** Drops a metric. */
  removeSingleMetric(name: string): void;
  /** Drops all metrics. */
  clear(): void;
  /** Resets all metrics. */
  resetMetrics(): void;
  /** Gives all metrics more labels. */
  setDefaultLabels(labels: object): void;
}

/** Where a registry has the function that takes its sharing back: of whichever copy of this module. */
const SHARED = Symbol.for("@gpe/cli/shared");

type Changed =
  | "registerMetric"
  | "removeSingleMetric"
  | "clear"
  | "resetMetrics"
  | "setDefaultLabels";
type Methods = { -readonly [K in Changed]: ForeignRegistry[K] };

/**
 * Makes a registry of prom-client multi-process: every metric that it has, and every one that it
 * takes later, goes into the storage of this process, from where all workers are aggregated. What the
 * registry itself prints stays this process alone.
 *
 * Values are copied every 100 ms, after `collect()` every second, and when the process exits or a
 * registry drops or resets its metrics; a SIGKILL can lose the last 100 ms. Counters, histograms and
 * summaries (sum and count) become sums over all workers, dead ones too; of gauges prom-client's
 * `aggregator` decides, over living workers. Labels of `setDefaultLabels()` are stored. A metric that
 * several registries have is stored once.
 *
 * Sharing a registry twice is the same as once. Registries of this package are shared anyway.
 *
 * @example
 * ```ts
 * import { shareRegistry } from "@gpe/cli";
 * import { Counter, register } from "npm:prom-client@^15.1.3";
 *
 * shareRegistry(register);
 * new Counter({ name: "orders_total", help: "Orders taken." }).inc();
 * ```
 *
 * @param registry The registry; its methods that change what it has are replaced on this object.
 * @returns Takes it back: totals stay, gauges leave the aggregate.
 * @throws {TypeError} When it is no registry.
 * @throws {Error} When the open storage cannot take one of the metrics; nothing is shared then.
 */
export function shareRegistry(registry: ForeignRegistry): () => void {
  assertRegistry(registry);
  const shared = (registry as { [SHARED]?: () => void })[SHARED];
  if (shared !== undefined) return shared;

  const metrics = new Set<Tracked>();
  let active = true;
  const drop = (metric: unknown): void => {
    const tracked = trackedOf(metric);
    if (tracked !== undefined && metrics.delete(tracked)) tracked.left(registry);
  };
  const take = (metric: unknown): void => {
    const tracked = trackedOf(metric);
    if (tracked === undefined || metrics.has(tracked)) return;
    tracked.joined(registry);
    try {
      processStore().connect(tracked);
    } catch (error) {
      tracked.left(registry);
      throw error;
    }
    metrics.add(tracked);
  };
  const restore = replaceMethods(registry, (original) => ({
    registerMetric(metric) {
      original.registerMetric(metric);
      if (!active) return;
      try {
        take(metric);
      } catch (error) {
        original.removeSingleMetric((metric as ForeignMetric).name ?? "");
        throw error;
      }
    },
    removeSingleMetric(name) {
      if (active) drop(registry.getSingleMetric(name));
      original.removeSingleMetric(name);
    },
    clear() {
      // Before the default labels are gone: what was counted until now has them.
      if (active) registry.getMetricsAsArray().forEach(drop);
      original.clear();
    },
    resetMetrics() {
      const mirror = (): void => {
        if (active) { for (const tracked of metrics) tracked.mirror?.(); }
      };
      mirror();
      original.resetMetrics();
      mirror();
    },
    setDefaultLabels(labels) {
      original.setDefaultLabels(labels);
      if (active) { for (const tracked of metrics) tracked.relabel?.(); }
    },
  }));
  const undo = (): void => {
    if (!active) return;
    active = false;
    restore();
    Reflect.deleteProperty(registry, SHARED);
    for (const tracked of metrics) tracked.left(registry);
    metrics.clear();
  };
  Object.defineProperty(registry, SHARED, { value: undo, configurable: true });
  try {
    registry.getMetricsAsArray().forEach(take);
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

/** Marks a registry class whose metrics are stored without being shared. */
export function markShared(prototype: object): void {
  Object.defineProperty(prototype, SHARED, { value: () => {} });
}

/** What is no metric, such as a page made of others, has nothing to store. */
function trackedOf(metric: unknown): Tracked | undefined {
  const isMetric = typeof metric === "object" && metric !== null && "get" in metric;
  return isMetric ? storableOf(metric as Tracked | ForeignMetric) : undefined;
}

function assertRegistry(registry: ForeignRegistry | null | undefined): void {
  const methods = ["registerMetric", "removeSingleMetric", "clear", "getMetricsAsArray"] as const;
  const missing = methods.find((name) => typeof registry?.[name] !== "function");
  if (missing === undefined) return;
  const state = registry === undefined || registry === null
    ? `is ${registry}`
    : `has no method ${missing}()`;
  throw new TypeError(`Cannot share registry: it ${state}, expected a registry of prom-client`);
}

/** Puts methods over those of a registry. @returns Takes them off, where nothing was put over them */
function replaceMethods(
  registry: ForeignRegistry,
  replace: (original: Methods) => Methods,
): () => void {
  const own = new Map(Object.entries(Object.getOwnPropertyDescriptors(registry)));
  const bound = (name: Changed): never => registry[name]?.bind(registry) as never;
  const methods = replace({
    registerMetric: bound("registerMetric"),
    removeSingleMetric: bound("removeSingleMetric"),
    clear: bound("clear"),
    resetMetrics: bound("resetMetrics"),
    setDefaultLabels: bound("setDefaultLabels"),
  });
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(registry, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, value] of Object.entries(methods)) {
      if (registry[name as Changed] !== value) continue;
      const before = own.get(name);
      if (before === undefined) Reflect.deleteProperty(registry, name);
      else Object.defineProperty(registry, name, before);
    }
  };
}
