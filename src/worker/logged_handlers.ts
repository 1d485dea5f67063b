/**
 * Writes the access log of what a server answers.
 *
 * @module
 */
import type { AccessLog } from "./access_log.ts";
import { whenCounted } from "./counted_stream.ts";
import type { FetchHandler, ServerHandlers } from "./instrument.ts";
import { nativeResponse, trackedBody } from "./response_tracking.ts";
import { utf8Length } from "./utf8_length.ts";

/** What a server tells of a client, beside the request. */
interface ClientInfo {
  readonly remoteAddr?: { readonly hostname?: string };
}

/**
 * Adds a line for each request, when its response is there; for a stream when it has ended. Only
 * here are headers read, which costs requests that are not logged nothing.
 *
 * @param handlers Those that record the metrics: they count the bytes of streams.
 * @param now Monotonic time in milliseconds.
 */
export function loggedHandlers(
  { handler, onError }: ServerHandlers,
  log: AccessLog,
  now: () => number,
): ServerHandlers {
  const native = nativeResponse();

  const add = (
    request: Request,
    info: ClientInfo | undefined,
    response: Response | undefined,
    started: number,
  ): void => {
    const line = {
      remote: info?.remoteAddr?.hostname,
      method: request.method,
      target: targetOf(request.url),
      protocol: protocolOf(request),
      status: response?.status || 500,
      referer: request.headers.get("referer"),
      userAgent: request.headers.get("user-agent"),
    };
    const end = (sizeBytes: number | undefined): void =>
      log.add({ ...line, sizeBytes, durationMs: now() - started });
    if (response === undefined) return end(undefined);
    const known = knownSize(request, response);
    if (known !== undefined) return end(known);
    const { body } = response;
    if (body === null || !whenCounted(body, end)) end(announcedSize(response));
  };

  const logged = async function (
    this: unknown,
    ...args: [request: Request, info?: ClientInfo]
  ): Promise<unknown> {
    const [request, info] = args;
    const started = now();
    let result: unknown;
    try {
      try {
        result = await Reflect.apply(handler, this, args);
      } catch (error) {
        if (onError === undefined) throw error;
        result = await onError(error);
      }
    } catch (error) {
      add(request, info, undefined, started);
      throw error;
    }
    add(request, info, result instanceof native ? result : undefined, started);
    return result;
  };
  // Deno's server makes only as many arguments as the handler declares.
  Object.defineProperty(logged, "length", { value: 2 });
  return { handler: logged as FetchHandler, onError };
}

/** The runtime does not tell the version. HTTP/2, which needs TLS here, has no header `host`. */
function protocolOf({ url, headers }: Request): string {
  return url.startsWith("https:") && !headers.has("host") ? "HTTP/2.0" : "HTTP/1.1";
}

/** Path and query of a URL, as they stand there. */
function targetOf(url: string): string {
  const path = url.indexOf("/", url.indexOf("://") + 3);
  return path < 0 ? "/" : url.slice(path);
}

function knownSize(request: Request, response: Response): number | undefined {
  if (request.method === "HEAD") return 0;
  const known = trackedBody(response);
  if (typeof known === "string") return utf8Length(known);
  return known >= 0 ? known : undefined;
}

/** Of a response that another server made and that is handed on. */
function announcedSize(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  return length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
}
