/**
 * What is known of a request beside what its server sees: the template of the route that it took,
 * and the error that a framework or the application caught. It is noted on the request itself, under
 * a symbol that all copies of this module share, and read only when a label is needed.
 *
 * @module
 */

const NOTE = Symbol.for("@gpe/cli/route");

/** What is noted on a request. */
interface RouteNote {
  /** The template that the application told. */
  route: string | undefined;
  /** Asks the framework for it. */
  find: (() => string | undefined) | undefined;
  /** Whether an error was caught. */
  failed: boolean;
  /** The one that was caught last. */
  error: unknown;
}

interface Noted {
  [NOTE]?: RouteNote;
}

/** An error that was caught. */
export interface CaughtError {
  /** What was thrown; it may be anything. */
  readonly error: unknown;
}

function note(request: object): RouteNote {
  const known = (request as Noted)[NOTE];
  if (known !== undefined) return known;
  const made: RouteNote = { route: undefined, find: undefined, failed: false, error: undefined };
  try {
    (request as Noted)[NOTE] = made;
  } catch {
    // A request that takes no properties stays without a note.
  }
  return made;
}

/**
 * Tells the template of a request's route, such as `/users/:id`: it becomes the label `endpoint` in
 * place of the path. For applications that route by themselves; it wins over what a framework says.
 *
 * @example
 * ```ts
 * import { setRoute } from "@gpe/cli";
 *
 * const USER = new URLPattern({ pathname: "/users/:id" });
 *
 * function app(request: Request): Response {
 *   if (!USER.test(request.url)) return new Response("Not found", { status: 404 });
 *   setRoute(request, "/users/:id");
 *   return new Response("A user");
 * }
 * console.log(app(new Request("http://localhost/users/7")).status);
 * ```
 * @param request The `Request`, or the `IncomingMessage` of `node:http`, as the server made it.
 * @param template A pattern, not the path: 100 different ones have a label of their own.
 */
export function setRoute(request: object, template: string): void {
  note(request).route = template;
}

/**
 * Tells an error that the application or its framework caught. Where the answer's status is 500 or
 * above, or no whole answer came, the request counts as failed, under the class of the error.
 *
 * @example
 * ```ts
 * import { noteError } from "@gpe/cli";
 *
 * function app(request: Request): Response {
 *   try {
 *     throw new RangeError("Out of tea");
 *   } catch (error) {
 *     noteError(request, error);
 *     return new Response("Something went wrong", { status: 500 });
 *   }
 * }
 * console.log(app(new Request("http://localhost/")).status);
 * ```
 * @param request The `Request`, or the `IncomingMessage` of `node:http`, as the server made it.
 * @param error What was caught; of several the last one counts.
 */
export function noteError(request: object, error: unknown): void {
  const noted = note(request);
  noted.failed = true;
  noted.error = error;
}

/**
 * Says how to learn the template from a framework; asked only when a label is needed.
 *
 * @returns `false` when that was said already: two adapters watch the request.
 */
export function noteRoute(request: object, find: () => string | undefined): boolean {
  const noted = note(request);
  if (noted.find !== undefined) return false;
  noted.find = find;
  return true;
}

/** Whether a framework is known already that tells the route. */
export function hasRoute(request: object): boolean {
  return (request as Noted)[NOTE]?.find !== undefined;
}

/** The template of a request's route; `undefined` when none is known. */
export function routeOf(request: object): string | undefined {
  const noted = (request as Noted)[NOTE];
  if (noted === undefined) return undefined;
  if (typeof noted.route === "string") return noted.route;
  // What a framework says may come from getters of another version of it.
  try {
    const found: unknown = noted.find?.();
    return typeof found === "string" ? found : undefined;
  } catch {
    return undefined; // the path stands for it
  }
}

/** The error that was caught last; `undefined` when there was none. */
export function caughtError(request: object): CaughtError | undefined {
  const noted = (request as Noted)[NOTE];
  return noted?.failed ? noted : undefined;
}
