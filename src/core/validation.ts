/**
 * Names of metrics and labels (https://prometheus.io/docs/concepts/data_model/).
 *
 * @module
 */
import { because } from "./misuse.ts";

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * Whether a text can be a metric name.
 *
 * @param name The text.
 */
export function validateMetricName(name: string): boolean {
  return METRIC_NAME.test(name);
}

/**
 * Refuses what cannot name a metric or its labels. The messages are prom-client's; the cause says
 * which name it is.
 *
 * @throws {Error} with the offending name in its `cause`.
 */
export function checkNames(name: string, labelNames: readonly string[]): void {
  if (!validateMetricName(name)) {
    throw new Error("Invalid metric name", mismatch("metric", name, METRIC_NAME));
  }
  const bad = labelNames.find((label) => !LABEL_NAME.test(label));
  if (bad !== undefined) {
    throw new Error(
      "Invalid label name",
      mismatch(`label of ${JSON.stringify(name)}`, bad, LABEL_NAME),
    );
  }
}

function mismatch(what: string, name: string, pattern: RegExp): ErrorOptions {
  return because(
    `Cannot name a ${what}: name is ${JSON.stringify(name)}, expected a match of ${pattern}`,
  );
}
