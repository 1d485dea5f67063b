/**
 * Labels that a registry gives to all of its metrics.
 *
 * @module
 */
import type { Labels } from "./labels.ts";

const NONE: Labels = {};

/** The default labels of the first registry that has any: a series is stored once. */
export function defaultLabelsOf(registries: Iterable<object>): Labels {
  for (const registry of registries) {
    // prom-client has no method that tells them.
    const { _defaultLabels: labels } = registry as { readonly _defaultLabels?: unknown };
    if (typeof labels === "object" && labels !== null && Object.keys(labels).length > 0) {
      return labels as Labels;
    }
  }
  return NONE;
}

/** Whether two sets of labels have the same names and values. */
export function sameLabels(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
