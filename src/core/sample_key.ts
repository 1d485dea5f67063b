/**
 * The key under which a sample is stored, as Python's client writes it:
 * `json.dumps([metric name, sample name, {label: value, …}, help], sort_keys=True)`, byte for byte,
 * so that both clients meet in one entry and a label value may hold any character.
 *
 * @module
 */

/** What a sample key says. */
export interface SampleKey {
  /** The metric name: for a counter `x_total` of Python's client, `x`. */
  readonly metric: string;
  /** The sample name: the metric's, with `_total`, `_bucket` or `_sum` where it applies. */
  readonly sample: string;
  /** Labels, sorted by name (by code point). */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** The help text. */
  readonly help: string;
}

/** What `json.dumps` escapes with `ensure_ascii`: everything outside of space to tilde, `"` and `\`. */
// deno-lint-ignore no-control-regex
const ESCAPED = /["\\\u0000-\u001f\u007f-\uffff]/g;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/** Escapes one UTF-16 unit, so that astral characters become surrogate pairs as in Python. */
function escapeUnit(unit: string): string {
  return SHORT_ESCAPES.get(unit) ?? "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0");
}

function quote(text: string): string {
  return `"${text.replace(ESCAPED, escapeUnit)}"`;
}

/**
 * Orders two strings by code point, as Python and Prometheus do. JavaScript's `<` compares UTF-16
 * units and puts astral characters before U+E000 to U+FFFF.
 *
 * @returns Below 0 when `a` comes first, above 0 when `b` does, 0 when they are equal.
 */
export function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA === unitB) continue;
    return weightOf(a, i, unitA) - weightOf(b, i, unitB);
  }
  return a.length - b.length;
}

/** The unit, moved above all others when it belongs to a surrogate pair; lone ones keep their place. */
function weightOf(text: string, index: number, unit: number): number {
  const isPair = (unit & 0xfc00) === 0xd800
    ? (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00
    : (unit & 0xfc00) === 0xdc00 && (text.charCodeAt(index - 1) & 0xfc00) === 0xd800;
  return isPair ? unit + 0x10000 : unit;
}

/**
 * Makes the key of a sample.
 *
 * @param metricName The metric's name, without `_total` where Python's client leaves it out.
 * @param sampleName The sample's name.
 * @param labels Label values by name, in any order.
 * @param help The help text.
 * @returns The key, ASCII only.
 */
export function encodeSampleKey(
  metricName: string,
  sampleName: string,
  labels: Readonly<Record<string, string>>,
  help: string,
): string {
  const parts = Object.keys(labels).sort(compareCodePoints)
    .map((name) => `${quote(name)}: ${quote(labels[name] as string)}`);
  return `[${quote(metricName)}, ${quote(sampleName)}, {${parts.join(", ")}}, ${quote(help)}]`;
}

/**
 * The part of a key that says which series it is: all but the help text, which writers may have
 * different opinions of.
 *
 * @param key A sample key as {@linkcode encodeSampleKey} makes it; of other text, some beginning.
 */
export function withoutHelp(key: string): string {
  // In JSON a quote is escaped unless it begins or ends a string.
  let quote = key.length - 2;
  do quote = key.lastIndexOf('"', quote - 1); while (quote > 0 && isEscaped(key, quote));
  return quote > 0 ? key.slice(0, quote) : key;
}

function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text[start - 1] === "\\") start--;
  return (index - start) % 2 === 1;
}

/**
 * Reads a key. What other programs left in a storage is not to be trusted.
 *
 * @returns What the key says, or `undefined` when it is anything but the JSON array of two names, an
 * object of strings and the help text.
 */
export function decodeSampleKey(key: string): SampleKey | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(key);
  } catch {
    return undefined; // The caller reports the key: there is nothing more to say than "not a key".
  }
  if (!Array.isArray(parsed) || parsed.length !== 4) return undefined;
  const [metric, sample, labels, help] = parsed as unknown[];
  if (typeof metric !== "string" || typeof sample !== "string" || typeof help !== "string") {
    return undefined;
  }
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) return undefined;
  const pairs = Object.entries(labels);
  if (!pairs.every(isStringPair)) return undefined;
  pairs.sort((a, b) => compareCodePoints(a[0], b[0]));
  return { metric, sample, labels: pairs, help };
}

function isStringPair(pair: [string, unknown]): pair is [string, string] {
  return typeof pair[1] === "string";
}
