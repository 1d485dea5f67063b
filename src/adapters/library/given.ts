/**
 * Options as a program without types may give them: what is wrong is said where it was given.
 *
 * @module
 */
import { metricPrefix as PREFIX } from "../../config/parsers.ts";
import { formatValue } from "../../core/inspect.ts";

/** Refuses options of a storage that would put its files where nobody looks for them. */
export function assertStorageOptions(
  options: { readonly directory?: unknown; readonly layout?: unknown; readonly redis?: unknown },
): void {
  if (typeof options !== "object" || options === null) {
    throw wrong("Cannot use a storage", "options", options, "an object such as { directory }");
  }
  const { directory, layout, redis } = options;
  if (directory !== undefined && (typeof directory !== "string" || directory === "")) {
    throw wrong("Cannot use a storage", "directory", directory, "the path of a directory");
  }
  if (layout !== undefined && layout !== "timestamp" && layout !== "value") {
    throw wrong("Cannot use a storage", "layout", layout, '"timestamp" or "value"');
  }
  if (redis !== undefined && (typeof redis !== "object" || redis === null)) {
    // A text is an address, with its password perhaps.
    const kind = redis === null ? "null" : `a ${typeof redis}`;
    throw new TypeError(
      `Cannot use a storage: redis is ${kind}, expected an object such as { url: "redis://…" }`,
    );
  }
}

/** Refuses a prefix with which Prometheus would refuse the whole page. */
export function assertPrefix(prefix: unknown): void {
  if (prefix === undefined) return;
  if (typeof prefix === "string" && PREFIX.parse(prefix) !== undefined) return;
  throw wrong("Cannot name metrics", "metricPrefix", prefix, PREFIX.expected);
}

function wrong(action: string, name: string, value: unknown, wanted: string): TypeError {
  const shown = typeof value === "string" ? JSON.stringify(value) : formatValue(value);
  return new TypeError(`${action}: ${name} is ${shown}, expected ${wanted}`);
}
