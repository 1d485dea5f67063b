/**
 * Koa: which route a request took, and its errors.
 *
 * @module
 */
import { caughtError, noteError, noteRoute } from "../../worker/route_note.ts";

/** What is used of Koa's context. */
export interface KoaContext {
  /** The request of `node:http`. */
  readonly req: object;
  /** The application. */
  readonly app: KoaApplication;
}

/** What is used of a Koa application. */
export interface KoaApplication {
  /** Listens for an event. */
  // deno-lint-ignore no-explicit-any -- what each listener takes is for the emitter to say
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** A middleware of Koa. */
export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>;

/** Applications whose errors are listened for. */
const LISTENED = new WeakSet<KoaApplication>();

/**
 * A middleware that tells the template of each request's route in `@koa/router`, which becomes the
 * label `endpoint`, and its errors: those that pass through, and those of the event `error`, at which
 * Koa and applications tell what they answered themselves. It comes first.
 *
 * It records nothing by itself: the server has to be recorded, by `recordServer()` or by the worker
 * that the application runs in.
 *
 * @example
 * ```ts ignore
 * import Koa from "npm:koa@3";
 * import { koaMiddleware, recordServer } from "@gpe/cli/node";
 *
 * const app = new Koa();
 * app.use(koaMiddleware());
 * recordServer(app.listen(3000));
 * ```
 */
export function koaMiddleware(): KoaMiddleware {
  return async (context, next) => {
    listen(context.app);
    noteRoute(context.req, () => matchedRoute(context));
    try {
      await next();
    } catch (error) {
      noteError(context.req, error);
      throw error;
    }
  };
}

/**
 * Not before the first request: Koa prints errors by itself where nobody listens when the server
 * starts.
 */
function listen(app: KoaApplication): void {
  if (LISTENED.has(app)) return;
  LISTENED.add(app);
  app.on("error", (error: unknown, context?: Partial<KoaContext>) => {
    // Errors that no request has caused come without a context.
    if (typeof context?.req !== "object") return;
    // Of one that passed through, Koa makes an Error where it is none.
    if (caughtError(context.req) === undefined) noteError(context.req, error);
  });
}

/** What `@koa/router` leaves on the context: a text, or a regular expression. */
function matchedRoute(context: KoaContext): string | undefined {
  const { _matchedRoute: route } = context as { _matchedRoute?: unknown };
  return route === undefined || route === null ? undefined : String(route);
}
