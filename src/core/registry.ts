/**
 * Registries: named sets of metrics that are printed together.
 *
 * @module
 */
import { type ForeignMetric, storableOf, type Tracked } from "./foreign.ts";
import type { Labels } from "./labels.ts";
import type {
  Metric,
  MetricObject,
  MetricObjectWithValues,
  MetricValue,
  OpenMetricsContentType,
  PrometheusContentType,
  RegistryContentType,
} from "./metric_types.ts";
import { because } from "./misuse.ts";
import { processStore } from "./process_store.ts";
import { type PrintableMetric, type PrintableValue, printMetric } from "./prom_format.ts";
import { markShared } from "./share_registry.ts";

/** Content type of the Prometheus text format. */
export const PROMETHEUS_CONTENT_TYPE: PrometheusContentType =
  "text/plain; version=0.0.4; charset=utf-8";
/** Content type of OpenMetrics. */
export const OPENMETRICS_CONTENT_TYPE: OpenMetricsContentType =
  "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** What a registry holds: our metrics, and those of prom-client. */
interface Entry {
  name: string;
  readonly type?: unknown;
  get(): Promise<PrintableMetric> | PrintableMetric;
  getForPromString?(): Promise<PrintableMetric>;
  reset?(): void;
}

function isSupported(contentType: string): boolean {
  return contentType === PROMETHEUS_CONTENT_TYPE || contentType === OPENMETRICS_CONTENT_TYPE;
}

/**
 * A set of metrics. What it prints is this process alone, as prom-client prints it; metrics that are
 * in a registry also go into the store, from which all workers are aggregated.
 */
export class Registry<
  BoundRegistryContentType extends RegistryContentType = PrometheusContentType,
> {
  /** Content type of the Prometheus text format. */
  static get PROMETHEUS_CONTENT_TYPE(): PrometheusContentType {
    return PROMETHEUS_CONTENT_TYPE;
  }

  /** Content type of OpenMetrics. */
  static get OPENMETRICS_CONTENT_TYPE(): OpenMetricsContentType {
    return OPENMETRICS_CONTENT_TYPE;
  }

  private readonly entries: Map<string, Entry> = new Map<string, Entry>();
  // Named as in prom-client: metrics look there for what labels are stored with them.
  private _defaultLabels: Labels = {};
  private currentContentType: BoundRegistryContentType;

  /**
   * An empty registry.
   *
   * @param contentType What to print; the Prometheus text format by default.
   * @throws {TypeError} when it is neither of the two.
   */
  constructor(
    contentType: BoundRegistryContentType = PROMETHEUS_CONTENT_TYPE as BoundRegistryContentType,
  ) {
    if (!isSupported(contentType)) {
      throw new TypeError(`Content type ${contentType} is unsupported`);
    }
    this.currentContentType = contentType;
  }

  /** What the registry prints. */
  get contentType(): BoundRegistryContentType {
    return this.currentContentType;
  }

  /**
   * Changes what the registry prints.
   *
   * @throws {Error} when it is neither of the two content types.
   */
  setContentType(contentType: BoundRegistryContentType): void {
    if (!isSupported(contentType)) throw new Error(`Content type ${contentType} is unsupported`);
    this.currentContentType = contentType;
  }

  /** All metrics of this process as text. Runs their `collect()`. */
  async metrics(): Promise<string> {
    const openMetrics = this.isOpenMetrics;
    const texts = await Promise.all(Array.from(this.entries.values(), (entry) => {
      // prom-client renames the metric itself, and so the JSON. Its page depends on it.
      if (openMetrics && entry.type === "counter") entry.name = entry.name.replace(/_total$/, "");
      return this.print(entry);
    }));
    return openMetrics ? `${texts.join("\n")}\n# EOF\n` : `${texts.join("\n\n")}\n`;
  }

  /**
   * One metric as text.
   *
   * @param name The metric name.
   * @throws {TypeError} when the registry has no such metric.
   */
  getSingleMetricAsString(name: string): Promise<string> {
    return this.print(this.entries.get(name) as Entry);
  }

  /** All metrics of this process with their values. Runs their `collect()`. */
  async getMetricsAsJSON(): Promise<MetricObjectWithValues<MetricValue<string>>[]> {
    const metrics = await Promise.all(Array.from(this.entries.values(), (entry) => entry.get()));
    const defaults = Object.entries(this._defaultLabels);
    const complete = (value: PrintableValue): PrintableValue => {
      const labels: Record<string, unknown> = { ...value.labels };
      // Unlike in the text, an empty text or 0 gives way here: so does prom-client's.
      for (const [name, text] of defaults) labels[name] ||= text;
      return { ...value, labels };
    };
    const shown = defaults.length === 0
      ? metrics
      : metrics.map((metric) => ({ ...metric, values: metric.values?.map(complete) }));
    return shown as unknown as MetricObjectWithValues<MetricValue<string>>[];
  }

  /** The metrics themselves. */
  getMetricsAsArray(): MetricObject[] {
    return [...this.entries.values()] as unknown as MetricObject[];
  }

  /**
   * Takes a metric, and lets it go into the store; also one of prom-client, whose values are copied
   * into the store from time to time.
   *
   * @param metric The metric. Registering the same object again is harmless.
   * @throws {Error} when another metric has the name, or the open store cannot take the metric.
   */
  registerMetric<T extends string>(metric: Metric<T> | ForeignMetric): void {
    const entry = metric as unknown as Entry;
    if (this.entries.get(entry.name) === entry) return;
    this.refuseDuplicate(entry);
    const tracked = storableOf(metric as unknown as Tracked | ForeignMetric);
    tracked.joined(this);
    try {
      processStore().connect(tracked);
    } catch (error) {
      tracked.left(this);
      throw error;
    }
    this.entries.set(entry.name, entry);
  }

  /** A metric by name. */
  getSingleMetric<T extends string>(name: string): Metric<T> | undefined {
    return this.entries.get(name) as unknown as Metric<T> | undefined;
  }

  /**
   * Drops a metric. An open store keeps its totals, a gauge leaves the aggregate; a store that is
   * opened while no registry has the metric knows nothing of it.
   */
  removeSingleMetric(name: string): void {
    const entry = this.entries.get(name);
    this.entries.delete(name);
    if (entry !== undefined) this.release(entry);
  }

  /** Drops all metrics and the default labels. The store keeps totals; gauges leave the aggregate. */
  clear(): void {
    const dropped = [...this.entries.values()];
    this.entries.clear();
    for (const entry of dropped) this.release(entry);
    this._defaultLabels = {};
  }

  /** Resets every metric. */
  resetMetrics(): void {
    for (const entry of this.entries.values()) {
      const tracked = storableOf(entry as unknown as Tracked | ForeignMetric);
      tracked.mirror?.();
      entry.reset?.();
      tracked.mirror?.();
    }
  }

  /**
   * Gives every sample more labels, here and in the aggregate. What was stored before keeps the
   * former ones: totals go on under the new ones, so that each event is counted once.
   *
   * @param labels Label values by name.
   */
  setDefaultLabels(labels: object): void {
    this._defaultLabels = labels as Labels;
    for (const entry of this.entries.values()) {
      storableOf(entry as unknown as Tracked | ForeignMetric).relabel?.();
    }
  }

  /**
   * One registry with the metrics of several. It shares the metrics; the store does not notice.
   *
   * @throws {Error} when they differ in content type, or two metrics in nothing but the object.
   */
  static merge(registers: Registry<RegistryContentType>[]): Registry {
    const contentType = registers[0]!.contentType;
    if (registers.some((registry) => registry.contentType !== contentType)) {
      throw new Error("Registers can only be merged if they have the same content type");
    }
    const merged = new Registry<RegistryContentType>(contentType);
    for (const registry of registers) {
      for (const metric of registry.getMetricsAsArray()) {
        const entry = metric as unknown as Entry;
        merged.refuseDuplicate(entry);
        merged.entries.set(entry.name, entry);
      }
    }
    return merged as Registry;
  }

  /** Whether OpenMetrics is printed. */
  private get isOpenMetrics(): boolean {
    return this.currentContentType === OPENMETRICS_CONTENT_TYPE;
  }

  /** Refuses a metric whose name another one has. */
  private refuseDuplicate(entry: Entry): void {
    const known = this.entries.get(entry.name);
    if (known === undefined || known === entry) return;
    throw new Error(
      `A metric with the name ${entry.name} has already been registered.`,
      because(
        `Cannot register metric ${JSON.stringify(entry.name)}: the registry has another one of ` +
          "that name, expected a name of its own",
      ),
    );
  }

  /** Tells a metric that it was dropped. */
  private release(entry: Entry): void {
    storableOf(entry as unknown as Tracked | ForeignMetric).left(this);
  }

  /** One metric as text. */
  private async print(entry: Entry): Promise<string> {
    const metric = typeof entry.getForPromString === "function"
      ? await entry.getForPromString()
      : await entry.get();
    return printMetric(metric, this._defaultLabels, this.isOpenMetrics);
  }
}

markShared(Registry.prototype);

/** The registry that takes metrics which name no other. */
export const register: Registry = new Registry();

/** What the global registry prints at first; `register.contentType` says what it prints now. */
export const contentType: RegistryContentType = register.contentType;
