/**
 * A fetch handler as a request listener of `node:http`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";

/** What `http.createServer`, Express and what is like it call for a request. */
export type NodeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

/**
 * Makes a request listener of `node:http` from a handler of the metrics. It is also a route's
 * handler in Express; in Fastify and Koa it takes the raw request and response.
 *
 * A request's body is not handed on, and an answer is sent when it is complete: that is what the
 * metrics need. When the handler throws, `next` gets the error; without it the answer is 500.
 *
 * @example
 * ```ts ignore
 * import http from "node:http";
 * import { metricsHandler } from "@gpe/cli";
 * import { nodeHandler } from "@gpe/cli/node";
 *
 * http.createServer(nodeHandler(metricsHandler())).listen(9091);
 * ```
 */
export function nodeHandler(
  handler: (request: Request) => Response | Promise<Response>,
): NodeHandler {
  return (request, response, next) => {
    answer(handler, request, response).catch((error) => {
      if (response.headersSent) return void response.destroy();
      if (next !== undefined) return next(error);
      const message = error instanceof Error ? error.message : String(error);
      response.writeHead(500, { "content-type": "text/plain; charset=utf-8" });
      response.end(`Cannot answer: ${message}\n`);
    });
  };
}

async function answer(
  handler: (request: Request) => Response | Promise<Response>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = requestUrl(request);
  if (url === undefined || !TOKEN.test(request.method ?? "")) {
    response.writeHead(400, { "content-type": "text/plain; charset=utf-8" });
    return void response.end("Bad request\n");
  }
  const answer = await handler(fetchRequest(url, request));
  const body = answer.body === null ? undefined : Buffer.from(await answer.arrayBuffer());
  response.statusCode = answer.status;
  if (answer.statusText !== "") response.statusMessage = answer.statusText;
  for (const [name, value] of answer.headers) {
    // The only header that may be there more than once.
    response.setHeader(name, name === "set-cookie" ? answer.headers.getSetCookie() : value);
  }
  response.end(body);
}

/** What fetch takes as a method, but for three that it forbids: no browser may send them. */
const TOKEN = /^(?!(?:CONNECT|TRACE|TRACK)$)[!#$%&'*+.^`|~\w-]+$/i;

function fetchRequest(url: URL, { method = "GET", rawHeaders }: IncomingMessage): Request {
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    // HTTP/2 has method and path among the headers.
    if (!name.startsWith(":")) headers.append(name, rawHeaders[index + 1]!);
  }
  return new Request(url, { method, headers });
}

/** The target of a request: a path nearly always, `*`, or a whole URL for a proxy. */
function requestUrl({ url = "/", headers }: IncomingMessage): URL | undefined {
  try {
    if (url === "*") return new URL("http://localhost/");
    if (!url.startsWith("/")) return new URL(url);
    return new URL(`http://${hostOf(headers.host)}${url}`);
  } catch {
    return undefined; // not a URL: the answer says so
  }
}

function hostOf(host: string | undefined): string {
  return host !== undefined && /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(host)
    ? host
    : "localhost";
}
