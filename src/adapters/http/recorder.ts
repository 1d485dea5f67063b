/**
 * Records the worker metrics of a `node:http` server.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import { types } from "node:util";
import { errorType } from "../../worker/endpoint_label.ts";
import type { AccessLog } from "../../worker/access_log.ts";
import { caughtError } from "../../worker/route_note.ts";
import type { RequestLine, WorkerMetrics } from "../../worker/worker_metrics.ts";

/** Records the servers it is given. */
export interface HttpRecorder {
  /** Records every request of a server from now on, in place of who did so before. */
  record(server: http.Server | HttpsServer): void;
  /** From now on answers close their connection. */
  drain(): void;
  /** Ends recording. */
  uninstall(): void;
}

/** One request and its response. */
interface Exchange {
  readonly request: http.IncomingMessage;
  readonly started: number;
  /** Whether the request is counted. */
  counted: boolean;
  /** Whether it is still in progress. */
  open: boolean;
  /** Whether its error is counted. */
  failed: boolean;
  /** Bytes of the body written so far. */
  sizeBytes: number;
  /** Those that wait for their turn on the same connection, as it did; `undefined` if it did not. */
  readonly waiting: Set<Response> | undefined;
}

/** What a request comes with: where an application listens for them, two kinds have their own. */
const REQUEST_EVENTS: ReadonlySet<string> = new Set([
  "request",
  "checkContinue",
  "checkExpectation",
]);

/** On a server that is recorded, also by another copy of this module: ends that recording. */
const RECORDED = Symbol.for("@gpe/cli/recorded");

/** Whether anybody records a server. */
export function isRecorded(server: http.Server | HttpsServer): boolean {
  return RECORDED in server;
}

/** What nginx logs when the client closed the connection before an answer. */
const CLIENT_GONE = 499;

type Response = http.ServerResponse & { [exchange: symbol]: Exchange | undefined };
// deno-lint-ignore no-explicit-any -- overloads of node:http, handed through as they come
type Method = (this: Response, ...args: any[]) => any;

/**
 * Looks at the responses of the recorded servers through `writeHead`, `write` and `end` of
 * `http.ServerResponse.prototype`, so a request costs no closures. A request counts when its
 * headers are written, before anything is sent; it is in progress until its response ends.
 *
 * @param now Monotonic time in milliseconds.
 * @param accessLog Gets a line when a response ends.
 */
export function createHttpRecorder(
  metrics: WorkerMetrics,
  now: () => number,
  accessLog?: AccessLog,
): HttpRecorder {
  const prototype = http.ServerResponse.prototype;
  const own = Object.getOwnPropertyDescriptors(prototype);
  const writeHead = prototype.writeHead as Method;
  const write = prototype.write as Method;
  const end = prototype.end as Method;
  /** This recorder's own: others of the process replace the same methods. */
  const EXCHANGE = Symbol("exchange");
  let draining = false;

  const count = (exchange: Exchange, status: number | undefined): void => {
    if (exchange.counted) return;
    exchange.counted = true;
    metrics.countRequest((now() - exchange.started) / 1000);
    if (metrics.sizesByEndpoint) observeRequestSize(exchange.request, status ?? 0);
    if (status === undefined) return;
    metrics.countCode(status);
    if (status < 500 || exchange.failed) return;
    exchange.failed = caughtError(exchange.request) !== undefined;
    metrics.countErrorResponse(status, exchange.request);
  };
  /** Of an error on its way to `uncaughtException`, where only the application may catch it. */
  const fail = (exchange: Exchange, error: unknown): void => {
    if (exchange.failed) return;
    exchange.failed = true;
    metrics.countFailure(errorType(error), exchange.request);
  };
  const observeRequestSize = (request: http.IncomingMessage, status: number): void => {
    const { method } = request;
    if (method === "GET" || method === "HEAD") return;
    const length = request.headers["content-length"];
    if (length === undefined || !/^\d+$/.test(length)) return;
    metrics.sizesOf(request, status).request.observe(Number(length));
  };
  const logLine = ({ request, started }: Exchange, status: number, sizeBytes: number): void =>
    accessLog?.add({
      remote: request.socket.remoteAddress,
      method: request.method ?? "",
      target: (request as RequestLine).originalUrl ?? request.url ?? "",
      protocol: `HTTP/${request.httpVersion}`,
      status,
      sizeBytes,
      referer: request.headers.referer,
      userAgent: request.headers["user-agent"],
      durationMs: now() - started,
    });
  const close = (exchange: Exchange): void => {
    if (exchange.open) metrics.inProgress.dec();
    exchange.open = false;
  };
  /** A client that went away before an answer: counted, but there is no status. */
  const onClose = function (this: Response): void {
    const exchange = this[EXCHANGE];
    if (exchange === undefined) return;
    exchange.waiting?.delete(this);
    const errorCounted = exchange.failed || exchange.counted && this.statusCode >= 500;
    count(exchange, undefined);
    if (exchange.open) {
      if (!errorCounted) metrics.countBrokenOff(exchange.request);
      logLine(exchange, this.headersSent ? this.statusCode : CLIENT_GONE, exchange.sizeBytes);
    }
    close(exchange);
  };
  const announceClose = (response: Response): void => {
    if (draining && !response.headersSent) response.setHeader("connection", "close");
  };

  const replacements: Record<"writeHead" | "write" | "end", Method> = {
    writeHead(...args) {
      const exchange = this[EXCHANGE];
      if (exchange === undefined) return writeHead.apply(this, args);
      announceClose(this);
      const result = writeHead.apply(this, args);
      count(exchange, this.statusCode);
      return result;
    },
    write(...args) {
      const exchange = this[EXCHANGE];
      if (exchange !== undefined) exchange.sizeBytes += chunkSize(args[0], args[1]);
      return write.apply(this, args);
    },
    end(...args) {
      const exchange = this[EXCHANGE];
      // Of a client that has gone everything was recorded then.
      if (!exchange?.open || isRefused(this, args[0])) return end.apply(this, args);
      announceClose(this);
      // Not every way to end passes through writeHead on Deno.
      count(exchange, this.statusCode);
      close(exchange);
      exchange.sizeBytes += chunkSize(args[0], args[1]);
      const { statusCode } = this;
      const empty = exchange.request.method === "HEAD" || statusCode === 204 || statusCode === 304;
      const sizeBytes = empty ? 0 : exchange.sizeBytes;
      metrics.sizesOf(exchange.request, statusCode).response.observe(sizeBytes);
      logLine(exchange, statusCode, sizeBytes);
      return end.apply(this, args);
    },
  };
  Object.assign(prototype, replacements);

  const waiting = new WeakMap<Socket, Set<Response>>();
  /** Of a response that waits Node 22 and Deno do not tell that its connection closes. */
  const awaitTurn = (socket: Socket, response: Response): Set<Response> => {
    const others = waiting.get(socket);
    if (others !== undefined) return others.add(response);
    const first = new Set([response]);
    waiting.set(socket, first);
    socket.once("close", () => first.forEach((response) => onClose.call(response)));
    return first;
  };
  const receive = (request: http.IncomingMessage, response: Response): void => {
    // An application may send it on, as another event or to another server.
    if (response[EXCHANGE] !== undefined) return;
    metrics.inProgress.inc();
    if (!metrics.sizesByEndpoint) observeRequestSize(request, 0);
    response[EXCHANGE] = {
      request,
      started: now(),
      counted: false,
      open: true,
      failed: false,
      sizeBytes: 0,
      waiting: response.socket === null ? awaitTurn(request.socket, response) : undefined,
    };
    response.on("close", onClose);
  };

  let active = true;
  return {
    record(server) {
      (server as { [RECORDED]?: () => void })[RECORDED]?.();
      let ours = true;
      const end = (): void => void (ours = false);
      Object.defineProperty(server, RECORDED, { value: end, configurable: true });
      const emit = server.emit as (this: unknown, event: string, ...args: unknown[]) => boolean;
      server.emit = function (this: unknown, event: string, ...args: unknown[]): boolean {
        if (!REQUEST_EVENTS.has(event) || !active || !ours) return emit.call(this, event, ...args);
        const [request, response] = args as [http.IncomingMessage, Response];
        receive(request, response);
        try {
          return emit.call(this, event, request, response);
        } catch (error) {
          fail(response[EXCHANGE]!, error);
          throw error;
        }
      } as typeof server.emit;
    },
    drain() {
      draining = true;
    },
    uninstall() {
      active = false;
      for (const name of ["writeHead", "write", "end"] as const) {
        if (prototype[name] !== replacements[name]) continue;
        const before = own[name];
        if (before === undefined) delete (prototype as Partial<typeof prototype>)[name];
        else Object.defineProperty(prototype, name, before);
      }
    },
  };
}

/** Whether `end` throws, so that the application has something else to answer. */
function isRefused({ headersSent, statusCode }: Response, chunk: unknown): boolean {
  if (!headersSent && !(statusCode >= 100 && statusCode < 1000)) return true;
  if (!chunk || typeof chunk === "string" || typeof chunk === "function") return false;
  return !types.isUint8Array(chunk);
}

function chunkSize(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === "string") {
    return Buffer.byteLength(chunk, typeof encoding === "string" ? encoding as "utf8" : "utf8");
  }
  return ArrayBuffer.isView(chunk) ? chunk.byteLength : 0;
}
