/**
 * Labels of failures, bounded: a label is a route, a method or a class name, never what a client
 * or a message happened to hold.
 *
 * @module
 */
import { routeOf } from "./route_note.ts";
import type { RequestLine } from "./worker_metrics.ts";

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

/**
 * The `error_type` label of something thrown: its class, or its type when it is no object. A `name` of
 * its own wins: libraries make many classes with one function, all called the same.
 */
export function errorType(error: unknown): string {
  if (error === null || typeof error !== "object") return typeof error;
  // A thrown object may answer with anything, and may throw while it answers.
  try {
    const own: unknown = error instanceof Error && Object.hasOwn(error, "name") ? error.name : "";
    const name: unknown = own || error.constructor?.name;
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

/** How many route templates, and how many paths without one, a worker names. */
const ENDPOINT_LIMIT = 100;
/** A label is cut after so many characters: a path may be as long as a server takes headers. */
const ENDPOINT_LENGTH = 128;
/** What no label needs: control characters, and halves of characters. */
const NO_TEXT = /[\p{Cc}\p{Cs}]/gu;

function tidy(text: string): string {
  return text.slice(0, ENDPOINT_LENGTH).replace(NO_TEXT, "_");
}

/** The `endpoint` labels of one worker, bounded. */
export interface EndpointLabels {
  /** Of a request that failed. */
  of(request: RequestLine): string;
  /**
   * Of a request with an answer of this status; 0 without one. A path is named only where the
   * application answered it with success, or failed itself: anybody can ask for paths that it
   * redirects or does not have.
   */
  ofAnswer(request: RequestLine, status: number): string;
}

/**
 * Makes the labels of a worker: the template of the route where it is known, else the collapsed
 * path. Paths, which strangers choose, take no label away from templates.
 */
export function endpointLabels(): EndpointLabels {
  const templates = boundedLabel(ENDPOINT_LIMIT, OTHER_ENDPOINT);
  const paths = boundedLabel(ENDPOINT_LIMIT, OTHER_ENDPOINT);
  const template = (request: RequestLine): string | undefined => {
    const route = routeOf(request);
    if (!route) return undefined;
    return templates(tidy(route));
  };
  const path = (request: RequestLine): string => {
    const url = request.originalUrl ?? request.url;
    return url === undefined ? OTHER_ENDPOINT : paths(tidy(collapsePath(url)));
  };
  return {
    of: (request) => template(request) ?? path(request),
    ofAnswer: (request, status) =>
      template(request) ??
        (status >= 500 || (status >= 200 && status < 300) ? path(request) : OTHER_ENDPOINT),
  };
}
