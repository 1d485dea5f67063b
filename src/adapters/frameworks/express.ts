/**
 * Express 4 and 5: which route a request took, and the errors of its handlers.
 *
 * @module
 */
import { hasRoute, noteError, noteRoute } from "../../worker/route_note.ts";
import { watchPlace } from "./express_place.ts";

/** What Express calls to go on. */
export type ExpressNext = (error?: unknown) => void;

/** A middleware of Express. */
export type ExpressMiddleware = (request: object, response: object, next: ExpressNext) => void;

/** An error handler of Express. */
export type ExpressErrorHandler = (
  error: unknown,
  request: object,
  response: object,
  next: ExpressNext,
) => void;

/**
 * A middleware that tells which route a request took: the label `endpoint` is then its template, with
 * the paths of the routers around it. It comes before all routers and routes.
 *
 * It records nothing by itself: the server has to be recorded, by `recordServer()` or by the worker
 * that the application runs in.
 *
 * @example
 * ```ts ignore
 * import express from "npm:express@5";
 * import { expressErrors, expressMiddleware, recordServer } from "@gpe/cli/node";
 *
 * const app = express();
 * app.use(expressMiddleware());
 * app.get("/users/:id", (request, response) => response.send(`User ${request.params.id}`));
 * app.use(expressErrors());
 * recordServer(app.listen(3000));
 * ```
 */
export function expressMiddleware(): ExpressMiddleware {
  return (request, _response, next) => {
    if (!hasRoute(request)) noteRoute(request, watchPlace(request));
    next();
  };
}

/**
 * An error handler that tells the errors of handlers, and passes them on. It comes after the routes,
 * and before the application's own error handlers. Without it such an error counts by its status.
 */
export function expressErrors(): ExpressErrorHandler {
  // Express knows an error handler by its four parameters.
  return (error, request, _response, next) => {
    noteError(request, error);
    next(error);
  };
}
