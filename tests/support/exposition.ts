/** Reading a metrics page, so that pages can be compared sample by sample. */

const SAMPLE = /^([^\s{]+)(?:\{(.*)\})? +(\S+)/s;
const LABEL = /([^\s,=]+)="((?:[^"\\]|\\.)*)",?/gs;
const ESCAPES: Readonly<Record<string, string>> = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };

/**
 * Every sample of a page in the text or OpenMetrics format, as an exact double.
 * A key is `name` or `name{"label":"value",…}`, the labels as JSON and sorted by name.
 *
 * @throws {Error} when a line is malformed or a series appears twice
 */
export function parseExposition(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    // An exemplar would confuse the search for the closing brace.
    const match = SAMPLE.exec(line.replace(/ # \{.*$/, ""));
    if (match === null) throw new Error(`Cannot parse sample: line is ${JSON.stringify(line)}`);
    const key = sampleKey(match[1]!, parseLabels(match[2] ?? ""));
    if (samples.has(key)) throw new Error(`Cannot parse page: ${key} appears twice`);
    samples.set(key, parseValue(match[3]!));
  }
  return samples;
}

/** The key of {@linkcode parseExposition} for a sample. */
export function sampleKey(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const entries = Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1);
  return entries.length === 0 ? name : name + JSON.stringify(Object.fromEntries(entries));
}

/** The sum over all series of a sample name whose labels include these. */
export function sumOf(
  samples: ReadonlyMap<string, number>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  let sum = 0;
  for (const [key, value] of samples) {
    if (key !== name && !key.startsWith(`${name}{`)) continue;
    const has = key === name ? {} : JSON.parse(key.slice(name.length));
    if (Object.entries(labels).every(([label, wanted]) => has[label] === wanted)) sum += value;
  }
  return sum;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of text.matchAll(LABEL)) {
    if (match.index !== end) break;
    end += match[0].length;
    labels[match[1]!] = match[2]!.replace(/\\[\s\S]/g, (pair) => ESCAPES[pair] ?? pair);
  }
  if (end !== text.length) throw new Error(`Cannot parse labels: text is ${JSON.stringify(text)}`);
  return labels;
}

function parseValue(text: string): number {
  const value = Number(text.replace(/^([+-]?)Inf$/, "$1Infinity"));
  if (Number.isNaN(value) && text !== "NaN") {
    throw new Error(`Cannot parse value: text is ${JSON.stringify(text)}`);
  }
  return value;
}
