/**
 * Content negotiation of the metrics page: RFC 9110 sections 12.4 and 12.5, for two media types and
 * one coding.
 *
 * @module
 */

/** The forms of the metrics page. */
export type ExpositionFormat = "text" | "openmetrics";

/** One element of a header with quality values. */
interface Preference {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/**
 * The form to answer with. Prometheus 2 and 3 name OpenMetrics 1.0.0 with the highest quality; a
 * wildcard, a browser and a client that accepts neither form get text 0.0.4.
 *
 * @param accept The `Accept` header.
 */
export function negotiateFormat(accept: string | null): ExpositionFormat {
  const preferences = parsePreferences(accept);
  const text = findMatch("text/plain", "0.0.4", preferences);
  const open = findMatch("application/openmetrics-text", "1.0.0", preferences);
  const difference = open.quality - text.quality || open.specificity - text.specificity ||
    text.position - open.position;
  return difference > 0 ? "openmetrics" : "text";
}

/**
 * Whether the client takes gzip.
 *
 * @param acceptEncoding The `Accept-Encoding` header.
 */
export function acceptsGzip(acceptEncoding: string | null): boolean {
  const preferences = parsePreferences(acceptEncoding);
  const named = preferences.find(({ value }) => value === "gzip" || value === "x-gzip") ??
    preferences.find(({ value }) => value === "*");
  return named !== undefined && named.quality > 0;
}

/** The media range that decides about a type. */
interface Match {
  readonly quality: number;
  readonly specificity: number;
  readonly position: number;
}

/** The most specific range that matches decides, even when its quality is lower. */
function findMatch(type: string, version: string, preferences: readonly Preference[]): Match {
  let match: Match = { quality: 0, specificity: 0, position: 0 };
  for (const [position, preference] of preferences.entries()) {
    const specificity = specificityOf(preference, type, version);
    if (specificity > match.specificity) {
      match = { quality: preference.quality, specificity, position };
    }
  }
  return match.quality === 0 ? { quality: 0, specificity: 0, position: 0 } : match;
}

function specificityOf(range: Preference, type: string, version: string): number {
  if (range.value === "*/*") return 1;
  if (range.value === type.replace(/\/.*/, "/*")) return 2;
  if (range.value !== type) return 0;
  const asked = range.parameters.get("version");
  if (asked === undefined) return 3;
  // Another version of the type is another format.
  return asked === version ? 4 : 0;
}

function parsePreferences(header: string | null): Preference[] {
  if (header === null) return [];
  return header.toLowerCase().split(",").map((element) => {
    const [value = "", ...rest] = element.split(";").map((part) => part.trim());
    const parameters = new Map(rest.map((part) => {
      const [name = "", text = ""] = part.split("=").map((side) => side.trim());
      return [name, text.replace(/^"(.*)"$/, "$1")];
    }));
    const q = parameters.get("q");
    // A quality that is no number cannot be honoured; not to accept is the cautious reading.
    const quality = q === undefined ? 1 : /^(0(\.\d*)?|1(\.0*)?)$/.test(q) ? Number(q) : 0;
    return { value, parameters, quality };
  });
}
