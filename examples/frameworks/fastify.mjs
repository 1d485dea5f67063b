/**
 * Fastify on Node.
 *
 * ```sh
 * GPE_SIZES_BY_ENDPOINT=true node fastify.mjs
 * curl http://localhost:3000/metrics
 * ```
 *
 * @module
 */
import process from "node:process";
import Fastify from "fastify";
import { metricsHandler, openStorage } from "@gpe/cli";
import { fastifyPlugin, nodeHandler, recordServer } from "@gpe/cli/node";

openStorage();
const app = Fastify();
const metrics = nodeHandler(metricsHandler());

app.register(fastifyPlugin);
app.register((users, _options, done) => {
  users.get("/:id", (request, reply) => reply.send(`User ${request.params.id}\n`));
  users.post("/", (_request, reply) => reply.code(201).send("Made\n"));
  users.get("/:id/photo", (request) => {
    throw new RangeError(`User ${request.params.id} has no photo`);
  });
  users.get("/:id/secret", () => {
    throw Object.assign(new Error("Forbidden"), { statusCode: 403 });
  });
  done();
}, { prefix: "/users" });
app.get("/metrics", (request, reply) => {
  reply.hijack();
  metrics(request.raw, reply.raw);
});

recordServer(app.server);
const port = Number(process.env.PORT ?? 3000);
app.listen({ port }, () => console.log(`Listening on http://localhost:${port}`));
