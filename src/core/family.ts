/**
 * What is printed: families of series with one value each, after aggregation.
 *
 * @module
 */
import type { MetricKind } from "./storage.ts";

/** One line of the exposition. */
export interface Series {
  /** The sample name: the family's, with `_total`, `_bucket`, `_sum` or `_count` where it applies. */
  readonly name: string;
  /** The labels in the order they are printed. */
  readonly labels: readonly (readonly [name: string, value: string])[];
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
