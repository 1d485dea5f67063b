/** Hono on Node where it is not simple; what records was there before its server changed `Response`. */
import process from "node:process";
import { honoMiddleware, instrument } from "@gpe/cli";
import { recordServer } from "@gpe/cli/node";
import { ask, listen, report } from "./asking.mjs";

if (process.argv[2] === "early") instrument(() => new Response("never asked"));
const { Hono } = await import("hono");
const { createAdaptorServer } = await import("@hono/node-server");

const users = new Hono();
users.get("/:id", () => {
  throw new RangeError("no user");
});
const app = new Hono();
app.use(honoMiddleware());
app.route("/users", users);
app.get("/fine/:id", (c) => c.json({ fine: true }));
app.get("/native", async () => {
  const response = await fetch("data:text/plain,native");
  return new Response(response.body, { status: 200 });
});
app.get("/text", () => {
  throw "no error at all";
});
app.onError((_error, c) => c.text("handled", 500));

const server = createAdaptorServer({ fetch: app.fetch });
await ask(await listen(recordServer(server)), [
  "GET /users/7 500",
  "GET /fine/7 200",
  "GET /native 200",
  "GET /text 500",
  "GET /nowhere 404",
]);
await report();
