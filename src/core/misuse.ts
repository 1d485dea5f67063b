/**
 * What is said when a metric is made or used wrongly, besides prom-client's message.
 *
 * @module
 */
import { MetricMisuse } from "./errors.ts";
import { formatValue } from "./inspect.ts";

/**
 * The options of an error whose message is prom-client's.
 *
 * @param message "Cannot <action>: <state>, expected <wanted>".
 */
export function because(message: string): ErrorOptions {
  return { cause: new MetricMisuse(message) };
}

/** What of a metric an error names. */
interface NamedMetric {
  readonly type: string;
  readonly name: string;
}

/**
 * The same for a value that a metric does not take.
 *
 * @param action What was tried, such as `add to`.
 * @param metric The metric.
 * @param value The value.
 * @param wanted What was expected.
 */
export function becauseOfValue(
  action: string,
  { type, name }: NamedMetric,
  value: unknown,
  wanted: string,
): ErrorOptions {
  const shown = typeof value === "string" ? JSON.stringify(value) : formatValue(value);
  return because(
    `Cannot ${action} ${type} ${JSON.stringify(name)}: value is ${shown}, expected ${wanted}`,
  );
}

/** prom-client's error for an argument of a gauge, its `Value` or `Delta`, that is no number. */
export function notANumber(what: string, gauge: NamedMetric, value: unknown): TypeError {
  return new TypeError(
    `${what} is not a valid number: ${formatValue(value)}`,
    becauseOfValue(what === "Value" ? "set" : "add to", gauge, value, "a number"),
  );
}
