/**
 * Labels of failures, bounded: a label is a route, a method or a class name, never what a client
 * or a message happened to hold.
 *
 * @module
 */

/** What stands for every endpoint beyond the limit. */
export const OTHER_ENDPOINT = "__other__";
/** What stands for every unknown method, and for every error type beyond the limit. */
export const OTHER = "other";

const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "CONNECT",
  "TRACE",
]);

/** The `method` label: a method of HTTP (RFC 9110 section 9, RFC 5789), else `other`. */
export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : OTHER;
}

/** A number, a UUID, 16 or more hex digits, or a token too long to be a word of a route. */
const ID =
  /^(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}|.{33,})$/i;

/** The path of a URL or of a request target, with what looks like an id replaced by `:id`. */
export function collapsePath(url: string): string {
  const path = url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  return path.split("/").map((part) => ID.test(part) ? ":id" : part).join("/") || "/";
}

/** The `error_type` label of something thrown: its class, or its type when it is no object. */
export function errorType(error: unknown): string {
  if (error === null || typeof error !== "object") return typeof error;
  // A thrown object may answer with anything, and may throw while it answers.
  try {
    const name: unknown = error.constructor?.name;
    if (typeof name !== "string" || name === "") return "Object";
    return name.slice(0, 64).replace(/[^\w.$]/g, "_");
  } catch {
    return "Object";
  }
}

/**
 * A label that takes a limited number of different values, then one for all others.
 *
 * @param limit How many values are let through; the first ones win.
 * @param other What the others become.
 */
export function boundedLabel(limit: number, other: string): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= limit) return other;
    seen.add(value);
    return value;
  };
}
