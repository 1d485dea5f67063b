/**
 * Hono on Deno.
 *
 * ```sh
 * deno run -A mod.ts serve examples/frameworks/hono.ts --workers 2 --sizes-by-endpoint
 * ```
 *
 * @module
 */
import { Hono } from "npm:hono@^4.13.19";
import { HTTPException } from "npm:hono@^4.13.19/http-exception";
import { honoMiddleware, metricsHandler } from "../../mod.ts";

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

Deno.serve({ port: 8000 }, app.fetch);
