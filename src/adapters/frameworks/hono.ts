/**
 * Hono, on Deno and on Node: which route a request took, and the errors of its handlers.
 *
 * @module
 */
import { noteError, noteRoute } from "../../worker/route_note.ts";

/** What is used of Hono's context. */
export interface HonoContext {
  /** The request, and the routes that match it. */
  readonly req: {
    readonly raw: Request;
    readonly routeIndex: number;
    readonly matchedRoutes?: readonly { readonly path: string; readonly method: string }[];
  };
  /** What the server passes beside the request: on Node the request of `node:http` too. */
  // deno-lint-ignore no-explicit-any -- it is the application's to say what is in it
  readonly env: any;
  /** What a handler threw. */
  readonly error: Error | undefined;
  /** Whether there is an answer. */
  finalized: boolean;
  /** The answer. */
  readonly res: Response;
}

/** A middleware of Hono. */
export type HonoMiddleware = (context: HonoContext, next: () => Promise<void>) => Promise<void>;

/**
 * A middleware that tells the template of each request's route, which becomes the label `endpoint`,
 * and the errors that Hono, or the application's `onError`, answers. It comes first.
 *
 * It records nothing by itself. On Deno `instrument()` does, or `gpe serve`; on Node the server that
 * `serve()` of `@hono/node-server` gives has to be recorded, by `recordServer()` or by the worker
 * that the application runs in.
 *
 * @example
 * ```ts ignore
 * import { Hono } from "npm:hono@4";
 * import { honoMiddleware, instrument } from "@gpe/cli";
 *
 * const app = new Hono();
 * app.use(honoMiddleware());
 * app.get("/users/:id", (c) => c.text(`User ${c.req.param("id")}`));
 * Deno.serve(instrument(app.fetch));
 * ```
 */
export function honoMiddleware(): HonoMiddleware {
  return async (context, next) => {
    const requests = recordedRequests(context);
    for (const request of requests) noteRoute(request, () => matchedRoute(context));
    try {
      await next();
    } catch (error) {
      // Hono handles what is an Error; the rest passes through.
      for (const request of requests) noteError(request, error);
      throw error;
    }
    if (context.error === undefined) return;
    for (const request of requests) noteError(request, context.error);
  };
}

/** The requests that a server may record: Hono's own, and the one it was made of. */
function recordedRequests({ req, env }: HonoContext): object[] {
  const incoming: unknown = env?.incoming;
  return typeof incoming === "object" && incoming !== null ? [req.raw, incoming] : [req.raw];
}

function matchedRoute(context: HonoContext): string | undefined {
  const { matchedRoutes, routeIndex } = context.req;
  const route = matchedRoutes?.[routeIndex];
  if (route === undefined) return undefined;
  // A middleware stands on such routes too: where there was no handler, none was taken.
  const isMiddleware = route.method === "ALL" && route.path.endsWith("*");
  const isMissing = context.finalized && context.res.status === 404;
  return isMiddleware && isMissing ? undefined : route.path;
}
