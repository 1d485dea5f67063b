/**
 * Oak on Deno, as npm has it: that build makes a server of `node:http` in `listen()`, which does not
 * tell Oak's middleware the request that it was made of. So `Deno.serve` listens here.
 *
 * ```sh
 * deno run -A mod.ts serve examples/frameworks/oak.ts --workers 2 --sizes-by-endpoint
 * ```
 *
 * @module
 */
import { Application, Router } from "npm:@oakserver/oak@^14.1.0";
import { metricsHandler, oakMiddleware } from "../../mod.ts";

const users = new Router({ prefix: "/users" });
users.get("/:id", ({ response, params }) => {
  response.body = `User ${params.id}\n`;
});
users.post("/", ({ response }) => {
  response.status = 201;
  response.body = "Made\n";
});
users.get("/:id/photo", ({ params }) => {
  throw new RangeError(`User ${params.id} has no photo`);
});
users.get("/:id/secret", (context) => context.throw(403, "Forbidden"));

const app = new Application();
const metrics = metricsHandler();
app.use(oakMiddleware());
app.use(users.routes());

Deno.serve({ port: 8000 }, async (request) => {
  if (new URL(request.url).pathname === "/metrics") return metrics(request);
  // That build has its own Request and Response, where Deno's server wants Deno's.
  const { body, status, headers } = (await app.handle(request as never))!;
  return new Response(body as BodyInit | null, { status, headers: [...headers] });
});
