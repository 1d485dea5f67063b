/**
 * What is printed: families of series with one value each, after aggregation.
 *
 * @module
 */
import { compareCodePoints } from "./sample_key.ts";
import { seriesPrefix } from "./series_text.ts";
import type { MetricKind } from "./storage.ts";

/** One line of the exposition. */
export interface Series {
  /** The sample name: the family's, with `_total`, `_bucket`, `_sum` or `_count` where it applies. */
  readonly name: string;
  /** The labels in the order they are printed. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** The line up to the value, as {@linkcode seriesPrefix} makes it: built once, printed often. */
  readonly prefix: string;
  /** The value as of the last aggregation. */
  value: number;
}

/** All series of one metric. */
export interface Family {
  /** The metric name; of a counter, without `_total` where its samples carry it. */
  readonly name: string;
  /** The metric type. */
  readonly kind: MetricKind;
  /** The help text, unescaped. */
  readonly help: string;
  /** The series in their stable order. */
  readonly series: readonly Series[];
}

/**
 * Makes a family of which each sample is given, such as the endpoint's own metrics.
 *
 * @param name The metric name; a counter's with or without `_total`.
 * @param kind `"counter"` or `"gauge"`: types whose samples carry the metric's own name.
 * @param help The help text.
 * @param samples Labels and value of each series, in the order they are printed.
 */
export function makeFamily(
  name: string,
  kind: "counter" | "gauge",
  help: string,
  samples: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[],
): Family {
  const series = samples.map(([labels, value]): Series => {
    const sorted = Object.entries(labels).sort((a, b) => compareCodePoints(a[0], b[0]));
    return { name, labels: sorted, prefix: seriesPrefix(name, sorted), value };
  });
  return { name: kind === "counter" ? withoutTotal(name) : name, kind, help, series };
}

/** The name without a final `_total`. */
export function withoutTotal(name: string): string {
  return name.endsWith("_total") ? name.slice(0, -"_total".length) : name;
}

/**
 * The name above the family's samples in the text format: a counter's own sample name, otherwise the
 * metric name.
 */
export function textName(family: Family): string {
  const first = family.series[0];
  return family.kind === "counter" && first !== undefined ? first.name : family.name;
}

/** Every sample name that a family of this kind and name takes in the text format. */
export function sampleNames(kind: MetricKind, name: string): readonly string[] {
  switch (kind) {
    case "histogram":
      return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
    case "summary":
      return [name, `${name}_sum`, `${name}_count`];
    default:
      return [name];
  }
}

/**
 * The names a family needs for itself: those of its samples, and for a counter also its name in
 * OpenMetrics, where `x` and `x_total` are the same family.
 *
 * @param name The sample name of a counter, otherwise the metric name.
 */
export function claimedNames(kind: MetricKind, name: string): readonly string[] {
  if (kind !== "counter") return sampleNames(kind, name);
  return [name, `counter ${withoutTotal(name)}`]; // No metric name has a space.
}

/**
 * Brings stored families and the endpoint's own together, ordered by name. A stored family that uses
 * a name of ours is left out: a page with a series twice is refused as a whole.
 */
export function mergeFamilies(stored: readonly Family[], own: readonly Family[]): Family[] {
  const namesOf = (family: Family): readonly string[] =>
    claimedNames(family.kind, textName(family));
  const taken = new Set(own.flatMap(namesOf));
  const kept = stored.filter((family) => !namesOf(family).some((name) => taken.has(name)));
  return [...kept, ...own].sort(compareFamilies);
}

/** Orders families by name; a gauge and a counter may share one (`x` and `x_total`). */
export function compareFamilies(a: Family, b: Family): number {
  return compareCodePoints(a.name, b.name) || compareCodePoints(a.kind, b.kind);
}
