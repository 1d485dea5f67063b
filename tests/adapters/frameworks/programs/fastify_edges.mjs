/** Fastify where it is not simple: prefixes, hooks, and error handlers that answer with no error. */
import { Readable } from "node:stream";
import Fastify from "fastify";
import { fastifyPlugin, recordServer } from "@gpe/cli/node";
import { ask, report } from "./asking.mjs";

const app = Fastify();
app.register(fastifyPlugin);
app.register(fastifyPlugin);
app.setErrorHandler((error, _request, reply) => {
  reply.code(error.statusCode ?? 500).send({ message: "handled" });
});
app.register((v1, _options, done) => {
  v1.register((users, _options, done) => {
    users.get("/:id", () => {
      throw new RangeError("thrown");
    });
    users.get("/:id/async", () => Promise.reject(new TypeError("rejected")));
    users.get("/:id/sent", (_request, reply) => reply.send(new SyntaxError("sent")));
    users.get("/:id/refused", () => {
      throw Object.assign(new Error("refused"), { statusCode: 418 });
    });
    users.get("/:id/status", (_request, reply) => reply.code(503).send("status alone"));
    done();
  }, { prefix: "/users" });
  done();
}, { prefix: "/v1" });
app.register((guarded, _options, done) => {
  guarded.addHook("preHandler", () => Promise.reject(new URIError("hook")));
  guarded.get("/:id", () => "never");
  done();
}, { prefix: "/guarded" });
app.get("/own/:id", {
  errorHandler: (_error, _request, reply) => reply.code(500).send("its own"),
  handler() {
    throw new EvalError("own");
  },
});
app.get("/stream/:id", (_request, reply) => {
  const stream = Readable.from((async function* () {
    yield "begun";
    throw new ReferenceError("torn");
  })());
  return reply.send(stream);
});
app.get("/checked/:id", {
  schema: { params: { type: "object", properties: { id: { type: "integer" } } } },
  handler: () => "fine",
});

recordServer(app.server);
await ask(await app.listen({ port: 0, host: "127.0.0.1" }), [
  "GET /v1/users/7 500",
  "GET /v1/users/7/async 500",
  "GET /v1/users/7/sent 500",
  "GET /v1/users/7/refused 418",
  "GET /v1/users/7/status 503",
  "GET /guarded/1 500",
  "GET /own/1 500",
  "GET /stream/1 broken",
  "GET /checked/5 200",
  "GET /checked/x 400",
  "GET /nowhere/1 404",
]);

// With Fastify's own error handler, which answers with the error itself.
const plain = Fastify();
plain.register(fastifyPlugin);
plain.get("/text/:id", () => {
  throw "no error at all";
});
plain.get("/plain/:id", () => {
  throw new RangeError("thrown");
});
recordServer(plain.server);
await ask(await plain.listen({ port: 0, host: "127.0.0.1" }), [
  "GET /text/1 500",
  "GET /plain/1 500",
]);
await report();
