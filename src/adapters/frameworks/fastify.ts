/**
 * Fastify: which route a request took, and the errors of its handlers and hooks.
 *
 * @module
 */
import { noteError, noteRoute } from "../../worker/route_note.ts";

/** What is used of Fastify's request. */
export interface FastifyRequestLike {
  /** The request of `node:http`. */
  readonly raw: object;
  /** The route; its `url` has the prefixes. */
  readonly routeOptions: { readonly url?: string | undefined };
}

/** What is used of Fastify's reply. */
export interface FastifyReplyLike {
  /** Sends an answer, or an error. */
  // deno-lint-ignore no-explicit-any -- its type depends on the application's schemas
  send: any;
}

/** What is used of a Fastify instance. */
export interface FastifyLike {
  /** Adds a hook. */
  // deno-lint-ignore no-explicit-any -- overloads for each hook
  addHook: any;
}

/** A plugin of Fastify. */
export type FastifyPlugin = (
  instance: FastifyLike,
  options: unknown,
  done: (error?: Error) => void,
) => void;

type Done = () => void;

/**
 * A plugin that tells the template of each request's route, which becomes the label `endpoint`, and
 * its errors, those that the application's own error handlers answer too. It holds for the whole
 * application.
 *
 * It records nothing by itself: the server has to be recorded, by `recordServer()` or by the worker
 * that the application runs in.
 *
 * @example
 * ```ts ignore
 * import Fastify from "npm:fastify@5";
 * import { fastifyPlugin, recordServer } from "@gpe/cli/node";
 *
 * const app = Fastify();
 * app.register(fastifyPlugin);
 * app.get("/users/:id", () => ({ id: 7 }));
 * recordServer(app.server);
 * await app.listen({ port: 3000 });
 * ```
 */
export const fastifyPlugin: FastifyPlugin = Object.assign(plugin, {
  // What fastify-plugin sets: the hooks are for the instance around, not for a scope of their own.
  [Symbol.for("skip-override")]: true,
  [Symbol.for("fastify.display-name")]: "@gpe/cli",
});

function plugin(instance: FastifyLike, _options: unknown, done: Done): void {
  instance.addHook("onRequest", onRequest);
  instance.addHook("onError", onError);
  done();
}

function onRequest(request: FastifyRequestLike, reply: FastifyReplyLike, done: Done): void {
  const isFirst = noteRoute(request.raw, () => request.routeOptions.url);
  if (isFirst) watchErrors(request.raw, reply);
  done();
}

/**
 * An error handler of the application that answers with anything but an error keeps `onError` from
 * being called. Every error passes through `send` first, whoever threw it. A stream that fails when
 * its answer has begun reaches no hook at all.
 */
function watchErrors(request: object, reply: FastifyReplyLike): void {
  const send = reply.send as (this: unknown, ...payload: unknown[]) => unknown;
  reply.send = function (this: unknown, ...payload: unknown[]): unknown {
    const [sent] = payload;
    if (sent instanceof Error) noteError(request, sent);
    else if (isStream(sent)) sent.once("error", (error) => noteError(request, error));
    return send.apply(this, payload);
  };
}

interface Stream {
  once(event: "error", listener: (error: unknown) => void): unknown;
}

/** As Fastify knows one. */
function isStream(payload: unknown): payload is Stream {
  return typeof payload === "object" && payload !== null && "pipe" in payload &&
    typeof payload.pipe === "function" && "once" in payload && typeof payload.once === "function";
}

/** Of what is thrown, all that is no Error comes only here. */
function onError(
  request: FastifyRequestLike,
  _reply: unknown,
  error: unknown,
  done: Done,
): void {
  noteError(request.raw, error);
  done();
}
