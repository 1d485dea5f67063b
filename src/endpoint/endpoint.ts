/**
 * The metrics endpoint as a pure function from request to response. Whoever has an HTTP server can
 * host it; it holds no socket and no file of its own.
 *
 * @module
 */
import { OPENMETRICS_CONTENT_TYPE } from "../core/exposition_openmetrics.ts";
import { TEXT_CONTENT_TYPE } from "../core/exposition_text.ts";
import { type Log, SILENT_LOG } from "../core/log.ts";
import type { StorageReader } from "../core/storage.ts";
import type { DirectoryStats } from "../storage/filesystem/directory.ts";
import { renderIndexPage } from "./index_page.ts";
import { acceptsGzip, type ExpositionFormat, negotiateFormat } from "./negotiate.ts";
import { createScraper, type Scraper } from "./scraper.ts";
import { createSelfMetrics, type RedisStats } from "./self_metrics.ts";

/** How an endpoint is made. */
export interface MetricsEndpointOptions {
  /** Reads the writers. Stays the caller's: it is not closed here, and nobody else may read it. */
  readonly reader: StorageReader;
  /** Version of the package, for `gpe_build_info`. */
  readonly version: string;
  /** Name and version of the runtime, for `gpe_build_info`. */
  readonly runtime: string;
  /** Prefix of the sidecar metrics. Default `"gunicorn"`. */
  readonly metricPrefix?: string;
  /** Where problems go, each once while it lasts. Default: nowhere. */
  readonly log?: Log;
  /** Whether a worker runs, for `/readyz`. Default: not asked. */
  readonly ready?: () => boolean;
  /** Looks at the directory of the metric files, for the sidecar metrics. Default: they are left out. */
  readonly directoryStats?: () => DirectoryStats | Promise<DirectoryStats>;
  /** Says how it goes with Redis, for the sidecar metrics. Default: they are left out. */
  readonly redisStats?: () => RedisStats;
  /**
   * The storages, as errors of theirs are counted; one that concerns all of them under the first.
   * Default `["storage"]`.
   */
  readonly sources?: readonly [string, ...string[]];
  /** Whether a storage has logged a problem by itself. Default: none. */
  readonly isLogged?: (message: string) => boolean;
  /** Monotonic time in milliseconds. Default `performance.now()`. */
  readonly now?: () => number;
}

/** Answers one request; never rejects for what the request or the storage is like. */
export type MetricsEndpoint = (request: Request) => Promise<Response>;

/** Prometheus's default `scrape_timeout`, for clients that do not say how long they wait. */
const DEFAULT_TIMEOUT_SECONDS = 10;

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: TEXT_CONTENT_TYPE,
  openmetrics: OPENMETRICS_CONTENT_TYPE,
};

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

/**
 * Makes the endpoint: `/metrics`, `/healthz` and `/-/healthy`, `/readyz` and `/-/ready`, and `/`.
 *
 * @returns A handler for `Deno.serve` and everything that takes a fetch handler.
 */
export function createMetricsEndpoint(options: MetricsEndpointOptions): MetricsEndpoint {
  const { version, runtime, ready, log = SILENT_LOG } = options;
  const scraper = openScraper(options);
  const indexPage = renderIndexPage(version, runtime);

  const healthy = (): Promise<Response> => Promise.resolve(textResponse(200, "ok"));
  const readiness = async (request: Request): Promise<Response> => {
    if (ready?.() === false) return textResponse(503, "Not ready: no worker is running");
    const failure = await withDeadline(scraper.check(), timeoutSeconds(request));
    if (failure === TIMED_OUT) {
      return textResponse(503, "Not ready: reading the metrics takes long");
    }
    if (failure !== undefined) return textResponse(503, `Not ready: ${failure}`);
    return textResponse(200, "ready");
  };
  const routes: ReadonlyMap<string, MetricsEndpoint> = new Map([
    ["/metrics", (request: Request) => metricsResponse(request, scraper)],
    ["/healthz", healthy],
    ["/-/healthy", healthy],
    ["/readyz", readiness],
    ["/-/ready", readiness],
    ["/", () => Promise.resolve(createResponse(200, "text/html; charset=utf-8", indexPage))],
  ]);

  return async (request) => {
    const route = routes.get(new URL(request.url).pathname);
    if (route === undefined) return withoutBody(request, textResponse(404, "Not found"));
    return await answer(request, route, log);
  };
}

/**
 * Makes the `/metrics` page alone, for an application that has routes of its own: the answer does
 * not depend on the request's path.
 */
export function createMetricsPage(options: MetricsEndpointOptions): MetricsEndpoint {
  const scraper = openScraper(options);
  const log = options.log ?? SILENT_LOG;
  return (request) => answer(request, () => metricsResponse(request, scraper), log);
}

function openScraper(options: MetricsEndpointOptions): Scraper {
  const { reader, version, runtime, directoryStats, redisStats, sources = ["storage"] } = options;
  const { metricPrefix = "gunicorn", log = SILENT_LOG, now = () => performance.now() } = options;
  const { isLogged = () => false } = options;
  const self = createSelfMetrics({ metricPrefix, version, runtime, sources, log, isLogged, now });
  return createScraper({ reader, self, source: sources[0], now, directoryStats, redisStats });
}

async function answer(request: Request, route: MetricsEndpoint, log: Log): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    const response = textResponse(405, "Method not allowed, expected GET or HEAD");
    response.headers.set("allow", "GET, HEAD");
    return response;
  }
  try {
    return withoutBody(request, await route(request));
  } catch (error) {
    // Neither a request nor damaged data leads here, only a mistake of ours: say so, stay alive.
    const message = error instanceof Error ? error.message : String(error);
    log.error("Cannot answer a request to the metrics endpoint", { error: message });
    return withoutBody(request, textResponse(500, `Cannot answer: ${message}`));
  }
}

async function metricsResponse(request: Request, scraper: Scraper): Promise<Response> {
  const format = negotiateFormat(request.headers.get("accept"));
  const names = new URL(request.url).searchParams.getAll("name[]");
  const seconds = timeoutSeconds(request);
  const page = await withDeadline(scraper.page({ format, names }), seconds);
  if (page === TIMED_OUT) {
    return textResponse(503, `Cannot read the metrics within the scrape timeout of ${seconds} s`);
  }
  const gzip = acceptsGzip(request.headers.get("accept-encoding"));
  const response = createResponse(
    200,
    CONTENT_TYPES[format],
    gzip ? await page.gzipped() : page.bytes,
  );
  response.headers.set("vary", "Accept, Accept-Encoding");
  if (gzip) response.headers.set("content-encoding", "gzip");
  return response;
}

/** How long the client waits. Prometheus says so in a header of its own; nonsense is not heeded. */
function timeoutSeconds(request: Request): number {
  const text = request.headers.get("x-prometheus-scrape-timeout-seconds") ?? "";
  const seconds = /^\d{1,6}(\.\d*)?$/.test(text) ? Number(text) : 0;
  return seconds > 0 ? seconds : DEFAULT_TIMEOUT_SECONDS;
}

const TIMED_OUT = Symbol("timed out");

/** Waits for nine tenths of the time, so that the answer is there before the client gives up. */
async function withDeadline<T>(
  promise: Promise<T>,
  seconds: number,
): Promise<T | typeof TIMED_OUT> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(() => resolve(TIMED_OUT), seconds * 900);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function textResponse(status: number, line: string): Response {
  return createResponse(status, "text/plain; charset=utf-8", `${line}\n`);
}

function createResponse(
  status: number,
  contentType: string,
  body: string | Uint8Array<ArrayBuffer>,
): Response {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const headers = { ...SECURITY_HEADERS, "content-type": contentType };
  return new Response(bytes, {
    status,
    headers: { ...headers, "content-length": String(bytes.byteLength) },
  });
}

/** The answer to HEAD has the headers of the answer to GET, its length included. */
function withoutBody(request: Request, response: Response): Response {
  if (request.method !== "HEAD") return response;
  return new Response(null, { status: response.status, headers: response.headers });
}
