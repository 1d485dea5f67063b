/**
 * Oak: which route a request took, and its errors.
 *
 * @module
 */
import { caughtError, noteError, noteRoute } from "../../worker/route_note.ts";

/** What is used of Oak's context. */
export interface OakContext {
  /** The application. */
  readonly app: OakApplication;
  /** The request; `source` is what the server made, where it is Deno's. */
  readonly request: { readonly method: string; readonly source?: object | undefined };
}

/** What is used of an Oak application. */
export interface OakApplication {
  /** Listens for an event. */
  // deno-lint-ignore no-explicit-any -- overloads for each event
  addEventListener: any;
}

/** A middleware of Oak. */
export type OakMiddleware = (context: OakContext, next: () => Promise<unknown>) => Promise<void>;

/** What Oak's routers leave on the context. */
interface Layer {
  readonly path: string;
  readonly methods: readonly string[];
}

/** Applications whose errors are listened for. */
const LISTENED = new WeakSet<OakApplication>();

/**
 * A middleware that tells the template of each request's route, which becomes the label `endpoint`,
 * and its errors: those that pass through, and those of Oak's event `error`. It comes first, and
 * needs a server that gives Oak a `Request`: Deno's. `instrument()` records it, or `gpe serve`.
 *
 * @example
 * ```ts ignore
 * import { Application } from "jsr:@oak/oak";
 * import { oakMiddleware } from "@gpe/cli";
 *
 * const app = new Application();
 * app.use(oakMiddleware());
 * await app.listen({ port: 8000 }); // under gpe serve
 * ```
 */
export function oakMiddleware(): OakMiddleware {
  return async (context, next) => {
    listen(context.app);
    const { source } = context.request;
    if (source !== undefined) noteRoute(source, () => matchedRoute(context));
    try {
      await next();
    } catch (error) {
      if (source !== undefined) noteError(source, error);
      throw error;
    }
  };
}

function listen(app: OakApplication): void {
  if (LISTENED.has(app)) return;
  LISTENED.add(app);
  app.addEventListener("error", (event: { error?: unknown; context?: OakContext }) => {
    const source = event.context?.request.source;
    if (source === undefined) return;
    // Of one that passed through, Oak makes an Error where it is none.
    if (caughtError(source) === undefined) noteError(source, event.error);
  });
}

/** A router counts every layer that matches the path, whatever its method. */
function matchedRoute(context: OakContext): string | undefined {
  const { matched } = context as { matched?: readonly Layer[] };
  const { method } = context.request;
  return matched?.findLast(({ methods }) => methods.includes(method))?.path;
}
