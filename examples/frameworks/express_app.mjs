/**
 * An application of Express 4 or 5. `express.mjs` beside it serves it on Node, `express_serve.mjs`
 * under `gpe serve`.
 *
 * @module
 */
import express from "express";
import { metricsHandler } from "@gpe/cli";
import { expressErrors, expressMiddleware, nodeHandler } from "@gpe/cli/node";

const users = express.Router();
users.get("/:id", (request, response) => response.send(`User ${request.params.id}\n`));
users.post("/", (_request, response) => response.status(201).send("Made\n"));
users.get("/:id/photo", (request) => {
  throw new RangeError(`User ${request.params.id} has no photo`);
});
users.get("/:id/secret", (_request, _response, next) => {
  next(Object.assign(new Error("Forbidden"), { status: 403 }));
});

export const app = express();
app.use(expressMiddleware()); // before all routes
app.use("/users", users);
app.get("/metrics", nodeHandler(metricsHandler()));
app.use(expressErrors()); // after them, before error handlers of your own
app.use((error, _request, response, _next) => {
  response.status(error.status ?? 500).send("Something went wrong\n");
});
