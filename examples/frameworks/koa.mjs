/**
 * Koa with `@koa/router` on Node.
 *
 * ```sh
 * GPE_SIZES_BY_ENDPOINT=true node koa.mjs
 * curl http://localhost:3000/metrics
 * ```
 *
 * @module
 */
import process from "node:process";
import Router from "@koa/router";
import Koa from "koa";
import { metricsHandler, openStorage } from "@gpe/cli";
import { koaMiddleware, nodeHandler, recordServer } from "@gpe/cli/node";

openStorage();
const metrics = nodeHandler(metricsHandler());

const router = new Router();
router.get("/users/:id", (context) => {
  context.body = `User ${context.params.id}\n`;
});
router.post("/users", (context) => {
  context.status = 201;
  context.body = "Made\n";
});
router.get("/users/:id/photo", (context) => {
  throw new RangeError(`User ${context.params.id} has no photo`);
});
router.get("/users/:id/secret", (context) => context.throw(403, "Forbidden"));
router.get("/metrics", (context) => {
  context.respond = false;
  metrics(context.req, context.res);
});

const app = new Koa();
app.silent = true; // do not print errors of requests
app.use(koaMiddleware()); // first
app.use(router.routes());

const port = Number(process.env.PORT ?? 3000);
recordServer(app.listen(port, () => console.log(`Listening on http://localhost:${port}`)));
