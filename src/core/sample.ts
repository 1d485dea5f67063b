/**
 * What a stored sample is: to which family and series it belongs. What other programs have stored is
 * not to be trusted, so everything that could break a page is refused here.
 *
 * @module
 */
import { withoutTotal } from "./family.ts";
import { addsPidLabel, type GaugeMode } from "./modes.ts";
import { decodeSampleKey } from "./sample_key.ts";
import type { MetricKind } from "./storage.ts";

/** What the value of a stored sample stands for. */
export type SampleRole = "value" | "bucket" | "sum" | "count";

/** A stored sample, understood. */
export interface Sample {
  /** The metric name; of a counter without `_total`. */
  readonly family: string;
  /** The sample name. */
  readonly name: string;
  /** What the value stands for. */
  readonly role: SampleRole;
  /** Sorted labels, without a bucket's `le` and without a `pid` that the mode is going to add. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** The bound of a bucket; 0 for other roles. */
  readonly le: number;
  /** The help text. */
  readonly help: string;
}

/** https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels */
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/**
 * Understands a stored sample.
 *
 * @param kind The type of the source it stands in.
 * @param mode The mode of that source.
 * @param key The sample key.
 * @returns The sample, or one line that says why it is left out.
 */
export function parseSample(
  kind: MetricKind,
  mode: GaugeMode | undefined,
  key: string,
): Sample | string {
  const decoded = decodeSampleKey(key);
  if (decoded === undefined) return "is not a sample key";
  const { metric, sample: name } = decoded;
  if (!METRIC_NAME.test(metric) || !METRIC_NAME.test(name)) return "has an invalid metric name";
  const family = kind === "counter" ? withoutTotal(metric) : metric;
  const role = roleOf(kind, family, name);
  if (role === undefined) return `has a sample name that no ${kind} has`;
  let le: number | undefined;
  const labels: (readonly [string, string])[] = [];
  for (const [label, value] of decoded.labels) {
    // "__name__" would be a second metric name.
    if (!LABEL_NAME.test(label) || label === "__name__") return "has an invalid label name";
    if (label === "le" && kind === "histogram") le = parseBound(value);
    if (isReserved(label, kind, role)) return `has a label "${label}" that no ${kind} may have`;
    // Lone surrogates all become U+FFFD on the page: two of them must not make one series twice.
    if (label === "le" && role === "bucket") continue;
    if (label === "pid" && mode !== undefined && addsPidLabel(mode)) continue;
    labels.push([label, value.toWellFormed()]);
  }
  if (role === "bucket" && le === undefined) return 'has no numeric label "le"';
  return { family, name, role, labels, le: le ?? 0, help: decoded.help.toWellFormed() };
}

function roleOf(kind: MetricKind, family: string, name: string): SampleRole | undefined {
  if (kind === "gauge") return name === family ? "value" : undefined;
  if (kind === "counter") {
    if (family === "") return undefined;
    return name === family || name === `${family}_total` ? "value" : undefined;
  }
  if (name === `${family}_sum`) return "sum";
  if (name === `${family}_count`) return "count";
  return kind === "histogram" && name === `${family}_bucket` ? "bucket" : undefined;
}

function isReserved(label: string, kind: MetricKind, role: SampleRole): boolean {
  if (kind === "histogram") return label === "le" && role !== "bucket";
  return kind === "summary" && label === "quantile";
}

function parseBound(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite === null) return undefined;
  return infinite[1] === "-" ? -Infinity : Infinity;
}
