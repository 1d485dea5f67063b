/**
 * How prom-client keeps its values. Its `get()` gives a promise; who is about to exit, or to reset a
 * metric, cannot wait for that. Known are prom-client 12 to 15 (`hashMap`, an object), and what has
 * come from it, `@prometheus-io/client` and `@platformatic/prom-client` (`store`, with `values()`).
 *
 * @module
 */
import {
  type ForeignSeries,
  histogramNames,
  type SampleName,
  SUM_AND_COUNT,
  VALUE,
} from "./foreign_series.ts";
import type { Labels } from "./labels.ts";
import type { MetricKind } from "./storage.ts";

/** A metric whose values can be read without waiting. */
export interface Insides {
  /** The help text. */
  readonly help: string;
  /** The type. */
  readonly kind: MetricKind;
  /** How values of several workers become one. */
  readonly aggregator: string | undefined;
  /** Brings the values up to date, where the metric has a way to do so. */
  collect(): unknown;
  /** Visits every series. What it is given is used again for the next one. */
  visit(visitor: (series: ForeignSeries) => void): void;
}

/** What is there at run time. */
interface PromMetric {
  readonly help: unknown;
  readonly type?: unknown;
  readonly aggregator?: unknown;
  readonly collect?: unknown;
  readonly hashMap?: Readonly<Record<string, Entry>>;
  readonly store?: { values(): Iterable<Entry> };
  readonly upperBounds?: readonly number[];
  readonly percentiles?: unknown;
  readonly set?: unknown;
  readonly inc?: unknown;
}

/** One series: of a counter or gauge its value, of others the observations, which may be in `value`. */
interface Entry {
  readonly labels?: Labels;
  readonly value?: unknown;
  readonly sum?: number;
  readonly count?: number;
  readonly bucketValues?: Readonly<Record<string, number>>;
}

/**
 * The insides of a metric.
 *
 * @returns `undefined` when they look like none that is known: then `get()` has to be asked.
 */
export function insidesOf(metric: object): Insides | undefined {
  const prom = metric as PromMetric;
  const kind = kindOf(prom);
  if (kind === undefined || !hasOwnGet(metric)) return undefined;
  if (typeof prom.hashMap !== "object" && typeof prom.store?.values !== "function") {
    return undefined;
  }
  const series = kind === "histogram"
    ? new HistogramEntries(prom.upperBounds!)
    : kind === "summary"
    ? new SummaryEntries()
    : new ValueEntries();
  return {
    kind,
    get help() {
      return `${prom.help}`;
    },
    get aggregator() {
      return prom.aggregator === undefined ? undefined : `${prom.aggregator}`;
    },
    collect: () => typeof prom.collect === "function" ? prom.collect() : undefined,
    visit(visitor) {
      const { hashMap } = prom;
      // A gauge gets a new entry with every set(), a total when it starts again. It has not done so
      // where collect() sets it to what something else counts, by reset() and inc().
      const byLabels = kind === "gauge" || typeof prom.collect === "function";
      if (typeof hashMap !== "object") {
        for (const entry of prom.store?.values() ?? []) {
          const id = byLabels && kind !== "gauge" ? JSON.stringify(entry.labels) : entry;
          visitor(series.of(id, entry));
        }
      } else {
        // Twice as fast as Object.values() where there are thousands.
        for (const id in hashMap) {
          const entry = hashMap[id]!;
          visitor(series.of(byLabels ? id : entry, entry));
        }
      }
    },
  };
}

/** The type; before version 15 no property says it. */
function kindOf(metric: PromMetric): MetricKind | undefined {
  if (Array.isArray(metric.upperBounds)) return "histogram";
  if (Array.isArray(metric.percentiles)) return "summary";
  if (typeof metric.set === "function") return "gauge";
  return typeof metric.inc === "function" ? "counter" : undefined;
}

/** Whether `get()` is the library's: one that was put over it knows better what the values are. */
function hasOwnGet(metric: object): boolean {
  if (Object.hasOwn(metric, "get") && !("_getSync" in metric)) return false;
  let prototype: object | null = Object.getPrototypeOf(metric);
  while (prototype !== null && !Object.hasOwn(prototype, "labels")) {
    if (Object.hasOwn(prototype, "get")) return false;
    prototype = Object.getPrototypeOf(prototype);
  }
  return prototype !== null;
}

/** A view of one entry after the other, so that looking at thousands of them makes no garbage. */
abstract class Entries implements ForeignSeries {
  id: unknown;
  protected entry: Entry = {};
  abstract readonly count: number;
  abstract readonly names: readonly SampleName[];

  of(id: unknown, entry: Entry): this {
    this.id = id;
    this.entry = entry;
    return this;
  }

  get labels(): Labels {
    return this.entry.labels ?? NO_LABELS;
  }

  abstract values(): readonly number[];
}

/** Those of a counter or a gauge. */
class ValueEntries extends Entries {
  readonly names = VALUE;

  get count(): number {
    return this.entry.value as number;
  }

  values(): readonly number[] {
    return [this.count];
  }
}

/** Those of a summary. */
class SummaryEntries extends Entries {
  readonly names = SUM_AND_COUNT;

  get count(): number {
    return this.observations.count as number;
  }

  values(): readonly number[] {
    const { sum, count } = this.observations;
    return [sum as number, count as number];
  }

  private get observations(): Entry {
    const { value } = this.entry;
    return typeof value === "object" && value !== null ? value : this.entry;
  }
}

/** Those of a histogram. */
class HistogramEntries extends Entries {
  readonly names: readonly SampleName[];
  private readonly bounds: readonly (number | string)[];

  constructor(upperBounds: readonly number[]) {
    super();
    // As texts, which is what the entries have; an infinite one takes what is in no other bucket.
    this.bounds = [...new Set(upperBounds)].filter((bound) => bound !== Infinity).map(String);
    this.names = histogramNames([...this.bounds.map(Number), Infinity]);
  }

  get count(): number {
    return this.entry.count as number;
  }

  values(): readonly number[] {
    const { bucketValues = {}, sum, count } = this.entry;
    const values: number[] = [];
    let beyond = count as number;
    for (const bound of this.bounds) {
      const value = bucketValues[bound] ?? 0;
      beyond -= value;
      values.push(value);
    }
    values.push(beyond, sum as number);
    return values;
  }
}

const NO_LABELS: Labels = {};
