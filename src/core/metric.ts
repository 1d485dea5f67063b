/**
 * What the four metrics have in common: configuration, series, registration, storage.
 *
 * @module
 */
import { defaultLabelsOf, sameLabels } from "./default_labels.ts";
import { type Labels, LabelTree } from "./labels.ts";
import type {
  Aggregator,
  CollectFunction,
  LabelValues,
  MetricConfiguration,
} from "./metric_types.ts";
import type { GaugeMode } from "./modes.ts";
import { type ProcessStore, processStore, type Storable } from "./process_store.ts";
import { because } from "./misuse.ts";
import { OPENMETRICS_CONTENT_TYPE, PROMETHEUS_CONTENT_TYPE, register } from "./registry.ts";
import { encodeSampleKey } from "./sample_key.ts";
import { Slab } from "./slab.ts";
import type { Cell, MetricKind } from "./storage.ts";
import { checkNames } from "./validation.ts";

/**
 * One series. It has two slots a value: a local one, prom-client's view, which starts at 0 whenever
 * the series does, and one in the store, which never goes back.
 */
export abstract class MetricChild {
  /** The labels as they are printed: types and order are the user's. */
  labels: Labels;
  /** The labels as they were when `labels()` was last asked for the series. */
  kept: Labels | undefined = undefined;
  /** Whether an update may go straight to the slots. */
  ready = false;
  /** The metric. */
  protected readonly owner: BaseMetric<MetricChild, string>;

  /** A series that does not show before its first update. */
  constructor(owner: BaseMetric<MetricChild, string>, labels: Labels) {
    this.owner = owner;
    this.labels = { ...labels };
  }

  /** Lets the series show up, and have its slot in the store. */
  enter(): void {
    this.owner.series.add(this);
    this.connectIfOpen();
    this.ready = true;
  }

  /** Takes the slots of the store, where that is open. */
  protected connectIfOpen(): void {
    const { store } = this.owner;
    if (store?.writer !== undefined) this.connect(store);
  }

  /** @internal `collect()` is over. */
  settle(): void {}

  /** Leaves the local view, which starts at 0 when the series comes back. */
  leave(): void {
    this.ready = false;
    // Whoever brings it back through the kept object brings the labels of that object.
    if (this.kept !== undefined) this.labels = this.kept;
  }

  /**
   * Takes the store's slots, and moves what is to be stored so far there, unless they are taken already.
   *
   * @param carries Whether to move it: after a change of labels it stays under the former ones.
   */
  abstract connect(store: ProcessStore, carries?: boolean): void;
}

/** The part of a metric that does not depend on its type. */
export abstract class BaseMetric<C extends MetricChild, T extends string> implements Storable {
  /** The metric name. An OpenMetrics registry takes the `_total` off a counter's, as prom-client's does. */
  name: string;
  /** The help text. */
  readonly help: string;
  /** The type. */
  readonly type: MetricKind;
  /** The names of the labels. */
  readonly labelNames: readonly string[];
  /** prom-client's aggregator, `"sum"` by default. */
  readonly aggregator: Aggregator | undefined;
  /** Called before the metric is read; may be set later. */
  collect: CollectFunction<never> | undefined;
  /** Whether updates may carry exemplars. */
  readonly enableExemplars: boolean;
  /** @internal The series that show, in the order in which they came to be. */
  readonly series: Set<C> = new Set<C>();
  /** @internal The store, once there is one and this metric belongs there. */
  store: ProcessStore | undefined = undefined;
  /** @internal Whether `collect()` is running. */
  isCollecting = false;
  /** @internal Whether `collect()` has run to its end. */
  hasCollected = false;
  /** @internal Where local values live. */
  readonly slab: Slab = new Slab();
  /** The series by label values. */
  protected readonly tree: LabelTree<C>;
  /** The registries that have the metric. */
  protected readonly registries: Set<object> = new Set<object>();
  private readonly storedName: string;
  private defaults: Labels = {};
  private collecting: Promise<void> | undefined = undefined;

  /**
   * Checks what all metrics are made from.
   *
   * @throws {TypeError} when there is no configuration.
   * @throws {Error} when a name or the help text is missing or invalid.
   */
  constructor(type: MetricKind, configuration: MetricConfiguration<string>) {
    if (typeof configuration !== "object" || configuration === null) {
      throw new TypeError("constructor expected a config object");
    }
    const { name, help, labelNames = [], collect } = configuration;
    if (!help) {
      throw new Error("Missing mandatory help parameter", missing(type, configuration, "help"));
    }
    if (!name) {
      throw new Error("Missing mandatory name parameter", missing(type, configuration, "name"));
    }
    checkNames(name, labelNames);
    if (collect && typeof collect !== "function") {
      throw new Error('Optional "collect" parameter must be a function');
    }
    this.type = type;
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.aggregator = "aggregator" in configuration ? configuration.aggregator : "sum";
    this.collect = collect;
    this.enableExemplars = configuration.enableExemplars ?? false;
    this.storedName = name;
    this.tree = new LabelTree(this, (labels) => this.makeChild(labels));
  }

  /**
   * Moves the values into the store.
   *
   * @throws {Error} when the store cannot take them.
   */
  attach(store: ProcessStore): void {
    if (!this.stored) return;
    this.store = store;
    for (const child of this.tree.children) child.connect(store);
  }

  /** Runs `collect()` for the store, unless it is running or no registry has the metric. */
  snapshot(): void | Promise<void> {
    if (this.store === undefined || this.registries.size === 0) return;
    if (this.collect === undefined || this.collecting !== undefined) return;
    return this.runCollect();
  }

  /** @internal A registry has taken the metric. */
  joined(registry: object): void {
    this.registries.add(registry);
    this.relabel();
  }

  /** @internal A registry has dropped the metric. */
  left(registry: object): void {
    this.registries.delete(registry);
    if (this.registries.size === 0) processStore().disconnect(this);
    this.relabel();
  }

  /** @internal Looks whether the default labels are what they were: events from now on have the new ones. */
  relabel(): void {
    const defaults = defaultLabelsOf(this.registries);
    if (this.registries.size === 0 || sameLabels(defaults, this.defaults)) return;
    this.defaults = { ...defaults };
    const { store } = this;
    if (store?.writer === undefined) return;
    for (const child of this.tree.children) child.connect(store, false);
  }

  /**
   * Removes a series from the local view. The store keeps a total for good, and no label set is ever
   * forgotten: do not use labels without bounds.
   *
   * @param values Label values in the order of the names.
   * @throws {Error} when the labels are not the metric's.
   */
  remove(...values: string[]): void;
  /** Removes the series of some labels, given as an object. */
  remove(labels: LabelValues<T>): void;
  remove(...args: unknown[]): void {
    const child = this.tree.peek(this.tree.fromArguments(args));
    if (child !== undefined) this.drop(child);
  }

  /** @internal The slot of a sample of a series. */
  cell(store: ProcessStore, suffix: string, labels: Labels, le?: string): Cell {
    const texts: Record<string, string> = Object.create(null);
    for (const source of [this.defaults, labels]) {
      for (const [label, value] of Object.entries(source)) {
        if (value !== undefined) texts[label] = `${value}`;
      }
    }
    if (le !== undefined) texts["le"] = le;
    const name = this.storedName;
    // Python's client, and so its collector, knows a counter without the suffix of its sample.
    const family = this.type === "counter" ? name.replace(/_total$/, "") : name;
    return store.cell(
      this.type,
      this.mode,
      encodeSampleKey(family, name + suffix, texts, `${this.help}`),
    );
  }

  /** Makes a series that does not show yet. */
  protected abstract makeChild(labels: Labels): C;

  /** Whether the values go into the store at all. */
  protected get stored(): boolean {
    return this.aggregator !== "omit";
  }

  /** The mode of a gauge. */
  protected get mode(): GaugeMode | undefined {
    return undefined;
  }

  /** The series that the arguments of `labels()` mean. */
  protected childOf(args: readonly unknown[]): C {
    const labels = this.tree.fromArguments(args);
    const child = this.tree.find(labels);
    child.kept = { ...labels };
    if (!this.series.has(child)) child.labels = child.kept;
    return child;
  }

  /** Removes a series from the local view. */
  protected drop(child: C): void {
    if (this.series.delete(child)) child.leave();
  }

  /** Removes all series from the local view. */
  protected dropAll(): void {
    for (const child of this.series) child.leave();
    this.series.clear();
  }

  /** Registers the metric; the last step of construction. */
  protected registerIn(registers: MetricConfiguration<string>["registers"]): void {
    for (const registry of registers ?? [register]) {
      if (this.enableExemplars && registry.contentType === PROMETHEUS_CONTENT_TYPE) {
        throw new TypeError(
          "Exemplars are supported only on OpenMetrics registries",
          because(
            `Cannot register ${this.type} ${
              JSON.stringify(this.name)
            } with exemplars: the registry ` +
              `prints "${registry.contentType}", expected "${OPENMETRICS_CONTENT_TYPE}"`,
          ),
        );
      }
      registry.registerMetric(this as never);
    }
  }

  /** Runs `collect()`, or waits for the run that is under way. */
  protected runCollect(): void | Promise<void> {
    if (this.collecting !== undefined) return this.collecting;
    if (!this.collect) return;
    this.isCollecting = true;
    const failed = (error: unknown): never => {
      this.settle(false);
      throw error;
    };
    let result: unknown;
    try {
      result = this.collect.call(this as never);
    } catch (error) {
      return failed(error);
    }
    if (!(result instanceof Promise)) return this.settle(true);
    return this.collecting = result.then(() => this.settle(true), failed);
  }

  /** Notes that `collect()` is over. @param collected Whether it has not failed */
  private settle(collected: boolean): void {
    this.collecting = undefined;
    this.isCollecting = false;
    this.hasCollected ||= collected;
    for (const child of this.tree.children) child.settle();
  }
}

/** Refuses a label that the metric needs for itself. @throws {Error} when it is among the names */
export function refuseLabel(
  reserved: string,
  { type, name, labelNames }: Pick<BaseMetric<MetricChild, string>, "type" | "name" | "labelNames">,
): void {
  if (!labelNames.includes(reserved)) return;
  throw new Error(
    `${reserved} is a reserved label keyword`,
    because(
      `Cannot create ${type} ${
        JSON.stringify(name)
      }: labelNames has "${reserved}", which it needs ` +
        "for itself, expected another name",
    ),
  );
}

function missing(
  type: MetricKind,
  configuration: MetricConfiguration<string>,
  option: "help" | "name",
): ErrorOptions {
  const { name } = configuration;
  const which = name ? ` ${JSON.stringify(name)}` : "";
  const state = JSON.stringify(configuration[option]);
  return because(`Cannot create ${type}${which}: ${option} is ${state}, expected a text`);
}

/** Whether an argument is an object of labels. */
export function isLabels(value: unknown): value is Labels {
  return typeof value === "object" && value !== null;
}

/** Starts a stopwatch. @returns The seconds since then, to the nanosecond */
export function startStopwatch(): () => number {
  const start = performance.now();
  return () => Math.round((performance.now() - start) * 1e6) / 1e9;
}
