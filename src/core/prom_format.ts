/**
 * The text of one process's metrics, byte for byte as prom-client prints it. (The aggregate over all
 * writers is printed canonically, elsewhere.)
 *
 * @module
 */
import type { Labels } from "./labels.ts";

/** A metric with its values, as `get()` of our metrics and of prom-client's gives it. */
export interface PrintableMetric {
  /** The metric name. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** The type. */
  readonly type: string;
  /** The values. */
  readonly values?: readonly PrintableValue[];
}

/** One value to print. */
export interface PrintableValue {
  /** The value. */
  readonly value: number;
  /** Labels of this sample. */
  readonly labels?: Labels;
  /** Labels of the whole series, printed after its own. */
  readonly sharedLabels?: Labels;
  /** The sample name; the metric's own when missing. */
  readonly metricName?: string | undefined;
  /** An exemplar, printed in OpenMetrics only. */
  readonly exemplar?: { labelSet: Labels; value: number; timestamp?: number } | null | undefined;
}

/**
 * Prints one metric, without a line end after the last line.
 *
 * @param metric The metric.
 * @param defaultLabels Labels that every sample gets unless it has them.
 * @param openMetrics Whether to print OpenMetrics.
 */
export function printMetric(
  metric: PrintableMetric,
  defaultLabels: Labels,
  openMetrics: boolean,
): string {
  const name = escapeText(metric.name);
  const lines = [`# HELP ${name} ${escapeText(metric.help)}`, `# TYPE ${name} ${metric.type}`];
  const suffix = openMetrics && metric.type === "counter" ? "_total" : "";
  const hasDefaults = Object.keys(defaultLabels).length > 0;
  let shared: Labels | undefined;
  let sharedText = "";
  for (const value of metric.values ?? []) {
    if (value.sharedLabels !== shared) {
      shared = value.sharedLabels;
      sharedText = formatLabels(shared ?? {}).join(",");
    }
    const labels = value.labels ?? {};
    const parts = formatLabels(
      hasDefaults ? { ...labels, ...defaultLabels, ...labels } : labels,
      shared,
    );
    if (sharedText !== "") parts.push(sharedText);
    const labelText = parts.length > 0 ? `{${parts.join(",")}}` : "";
    const sampleName = (value.metricName ?? name) + suffix;
    lines.push(
      `${sampleName}${labelText} ${formatNumber(value.value)}${exemplar(value, openMetrics)}`,
    );
  }
  return lines.join("\n");
}

function exemplar(value: PrintableValue, openMetrics: boolean): string {
  if (!openMetrics || !value.exemplar) return "";
  const { labelSet, value: shown, timestamp } = value.exemplar;
  return ` # {${formatLabels(labelSet).join(",")}} ${formatNumber(shown)} ${timestamp}`;
}

function formatLabels(labels: Labels, without?: Labels): string[] {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(labels)) {
    if (without !== undefined && Object.hasOwn(without, name)) continue;
    parts.push(`${name}="${typeof value === "string" ? escapeValue(value) : value}"`);
  }
  return parts;
}

function escapeValue(text: string): string {
  return escapeText(text).replaceAll('"', '\\"');
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** Numbers as prom-client prints them; its spelling of NaN is its own. */
function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "Nan";
  if (Number.isFinite(value)) return `${value}`;
  return value < 0 ? "-Inf" : "+Inf";
}
