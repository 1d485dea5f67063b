/**
 * Hono on Node.
 *
 * ```sh
 * GPE_SIZES_BY_ENDPOINT=true node hono_node.mjs
 * curl http://localhost:3000/metrics
 * ```
 *
 * @module
 */
import process from "node:process";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { honoMiddleware, metricsHandler, openStorage } from "@gpe/cli";
import { recordServer } from "@gpe/cli/node";

openStorage();
const users = new Hono();
users.get("/:id", (c) => c.text(`User ${c.req.param("id")}\n`));
users.post("/", (c) => c.text("Made\n", 201));
users.get("/:id/photo", (c) => {
  throw new RangeError(`User ${c.req.param("id")} has no photo`);
});
users.get("/:id/secret", () => {
  throw new HTTPException(403, { message: "Forbidden" });
});

const app = new Hono();
const metrics = metricsHandler();
app.use(honoMiddleware());
app.route("/users", users);
app.get("/metrics", (c) => metrics(c.req.raw));

const port = Number(process.env.PORT ?? 3000);
const server = serve({ fetch: app.fetch, port }, () => {
  console.log(`Listening on http://localhost:${port}`);
});
recordServer(server);
