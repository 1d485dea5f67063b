/**
 * Records the worker metrics around fetch handlers.
 *
 * @module
 */
import { countedStream, isScriptStream } from "./counted_stream.ts";
import { errorType } from "./endpoint_label.ts";
import { nativeResponse, STREAM_BODY, trackedBody } from "./response_tracking.ts";
import { utf8Length } from "./utf8_length.ts";
import type { SizeSeries } from "./size_metrics.ts";
import type { RequestLine, WorkerMetrics } from "./worker_metrics.ts";

/** A function that answers a request; what else it is called with is handed through. */
export type FetchHandler = (request: Request, ...rest: never[]) => unknown;

/** An application as `export default` holds it. */
export interface FetchApp {
  /** Answers a request. */
  readonly fetch: FetchHandler;
}

/** Wraps a handler, or an object with a `fetch` method. Wrapping twice wraps once. */
export interface Instrument {
  /** The handler with the same parameters, result, errors and `this`. */
  <H extends FetchHandler>(handler: H): H;
  /** A copy of the object whose `fetch` is wrapped and called on the original. */
  <A extends FetchApp>(app: A): A;
}

/** What a server does with an error its handler threw. */
export type ErrorHandler = (error: unknown) => Response | Promise<Response>;

/** A handler and an error handler to be given to one server. */
export interface ServerHandlers {
  /** Answers a request. */
  readonly handler: FetchHandler;
  /** Answers an error of `handler`; `undefined` leaves that to the server. */
  readonly onError: ErrorHandler | undefined;
}

/** Wraps what applications and servers call. */
export interface Instrumentation {
  /** For applications. */
  readonly instrument: Instrument;
  /**
   * For a server: the status of what `onError` makes is counted, instead of the 500 that is
   * expected otherwise.
   *
   * @param finish Called with each response after it was counted; gives the one to send.
   */
  forServer(handlers: ServerHandlers, finish: (response: Response) => Response): ServerHandlers;
}

/** On a function that records already, also one of another copy of this module. */
const INSTRUMENTED = Symbol.for("@gpe/cli/instrumented");

/**
 * Makes the functions that record into `metrics`.
 *
 * @param now Monotonic time in milliseconds.
 */
export function createInstrumentation(metrics: WorkerMetrics, now: () => number): Instrumentation {
  const native = nativeResponse();
  const { sizesByEndpoint } = metrics;
  /** Where sizes go that need no endpoint. */
  const allSizes = metrics.sizesOf(NO_REQUEST, 0);

  /** Records an answer; gives the response to send, which is another one when bytes are counted. */
  const answered = (request: HandledRequest, response: Response, started: number): Response => {
    const status = response.status;
    metrics.inProgress.dec();
    metrics.countRequest((now() - started) / 1000);
    metrics.countCode(status);
    if (status >= 500) metrics.countErrorResponse(status, request);
    if (!sizesByEndpoint) return measured(response, request, allSizes);
    const sizes = metrics.sizesOf(request, status);
    observeRequestSize(sizes, request);
    return measured(response, request, sizes);
  };

  /** A server sends no body to HEAD, whatever the application made. */
  const measured = (response: Response, request: HandledRequest, sizes: SizeSeries): Response => {
    const isHead = request.method === "HEAD";
    const known = trackedBody(response);
    if (typeof known === "string") {
      sizes.response.observe(isHead ? 0 : utf8Length(known));
    } else if (known >= 0) {
      sizes.response.observe(isHead ? 0 : known);
    } else if (known === STREAM_BODY) {
      return isHead ? response : counted(response, request, sizes);
    }
    return response;
  };

  const counted = (response: Response, request: HandledRequest, sizes: SizeSeries): Response => {
    const { body, status, statusText, headers } = response;
    // A locked one is the application's mistake, which the server reports.
    if (body === null || body.locked || !isScriptStream(body)) return response;
    const stream = countedStream(body, (size, failed) => {
      sizes.response.observe(size);
      if (failed && status < 500) metrics.countBrokenOff(request);
    });
    return new native(stream, { status, statusText, headers });
  };

  /** Records a handler that threw, or answered with something that is no response. */
  const failed = (
    request: HandledRequest,
    error: unknown,
    started: number,
    codeFollows: boolean,
  ) => {
    metrics.inProgress.dec();
    metrics.countRequest((now() - started) / 1000);
    metrics.countFailure(errorType(error), request);
    if (!codeFollows) metrics.countCode(500);
    if (!sizesByEndpoint) return;
    const sizes = metrics.sizesOf(request, 500);
    observeRequestSize(sizes, request);
    if (codeFollows && typeof error === "object" && error !== null) failures.set(error, sizes);
  };
  /** Where the size of an error handler's answer goes: it is called with the error alone. */
  const failures = new WeakMap<object, SizeSeries>();

  const wrap = (
    handler: FetchHandler,
    self: object | undefined,
    codeFollows: boolean,
    finish: ((response: Response) => Response) | undefined,
  ): FetchHandler => {
    const settled = (request: HandledRequest, result: unknown, started: number): unknown => {
      // Servers answer 500 to anything else, to `Response.error()` (status 0) too.
      if (!(result instanceof native) || result.status === 0) {
        failed(request, NO_RESPONSE, started, codeFollows);
        return result;
      }
      const response = answered(request, result, started);
      return finish === undefined ? response : finish(response);
    };
    const settle = async (
      request: HandledRequest,
      result: PromiseLike<unknown>,
      started: number,
    ): Promise<unknown> => {
      let value: unknown;
      try {
        value = await result;
      } catch (error) {
        failed(request, error, started, codeFollows);
        throw error;
      }
      return settled(request, value, started);
    };
    const wrapped = function (this: unknown, given: Request | undefined): unknown {
      const request: HandledRequest = given ?? NO_REQUEST;
      const started = now();
      metrics.inProgress.inc();
      if (!sizesByEndpoint) observeRequestSize(allSizes, request);
      let result: unknown;
      try {
        result = Reflect.apply(handler, self ?? this, arguments);
      } catch (error) {
        failed(request, error, started, codeFollows);
        throw error;
      }
      if (isThenable(result)) return settle(request, result, started);
      return settled(request, result, started);
    };
    // Deno's server makes only as many arguments as the handler declares.
    Object.defineProperties(wrapped, {
      length: { value: Math.max(1, handler.length), configurable: true },
      name: { value: handler.name, configurable: true },
      [INSTRUMENTED]: { value: true },
    });
    return wrapped;
  };

  const instrument = (target: unknown): unknown => {
    if (typeof target === "function") {
      if (INSTRUMENTED in target) return target;
      return wrap(target as FetchHandler, undefined, false, undefined);
    }
    const fetch = (target as Partial<FetchApp> | null | undefined)?.fetch;
    if (typeof target !== "object" || target === null || typeof fetch !== "function") {
      throw new TypeError(
        "Cannot instrument the application: " +
          `${target === null ? "null" : typeof target} has no fetch, ` +
          "expected a handler or an object with a fetch method",
      );
    }
    if (INSTRUMENTED in fetch) return target;
    const value = wrap(fetch, target, false, undefined);
    return Object.create(Object.getPrototypeOf(target), {
      ...Object.getOwnPropertyDescriptors(target),
      fetch: { value, writable: true, enumerable: true, configurable: true },
    });
  };

  return {
    instrument: instrument as Instrument,
    forServer({ handler, onError }, finish) {
      const recorded = INSTRUMENTED in handler;
      return {
        handler: recorded
          ? finishing(handler, finish)
          : wrap(handler, undefined, onError !== undefined, finish),
        onError: onError && (async (error) => {
          let code = 500;
          try {
            const response = await onError(error);
            if (!(response instanceof native)) return response;
            code = response.status || 500;
            return finish(
              measured(response, NO_REQUEST, failures.get(error as object) ?? allSizes),
            );
          } finally {
            if (!recorded) metrics.countCode(code);
          }
        }),
      };
    },
  };
}

/** What is looked at of a request. */
interface HandledRequest extends RequestLine {
  readonly headers?: Headers;
}

/** Stands for the request where a test, say, calls a handler without one. */
const NO_REQUEST: HandledRequest = {};

/** The error that servers make of a result that is no response. */
const NO_RESPONSE = new TypeError("The handler returned no response");

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

function observeRequestSize(sizes: SizeSeries, request: HandledRequest): void {
  const { method } = request;
  // Looking at headers costs 6 % of the requests a second; these two have no body.
  if (method === "GET" || method === "HEAD") return;
  const length = request.headers?.get("content-length");
  // A chunked body announces nothing.
  if (length && /^\d+$/.test(length)) sizes.request.observe(Number(length));
}

function finishing(
  handler: FetchHandler,
  finish: (response: Response) => Response,
): FetchHandler {
  const native = nativeResponse();
  const last = (result: unknown) => result instanceof native ? finish(result) : result;
  const wrapped = function (this: unknown): unknown {
    const result = Reflect.apply(handler, this, arguments);
    return isThenable(result) ? result.then(last) : last(result);
  };
  return Object.defineProperty(wrapped, "length", { value: handler.length });
}
