/**
 * Plain `node:http`: the application routes by itself, so it tells the template of the route, and the
 * errors that it catches.
 *
 * ```sh
 * GPE_SIZES_BY_ENDPOINT=true node node_http.mjs
 * curl http://localhost:3000/metrics
 * ```
 *
 * @module
 */
import http from "node:http";
import process from "node:process";
import { metricsHandler, noteError, openStorage, setRoute } from "@gpe/cli";
import { nodeHandler, recordServer } from "@gpe/cli/node";

openStorage();
const metrics = nodeHandler(metricsHandler());

/** @type {[method: string, pattern: RegExp, template: string, answer: (id: string) => [number, string]][]} */
const ROUTES = [
  ["GET", /^\/users\/(\w+)$/, "/users/:id", (id) => [200, `User ${id}\n`]],
  ["POST", /^\/users$/, "/users", () => [201, "Made\n"]],
  ["GET", /^\/users\/(\w+)\/photo$/, "/users/:id/photo", (id) => {
    throw new RangeError(`User ${id} has no photo`);
  }],
  ["GET", /^\/users\/\w+\/secret$/, "/users/:id/secret", () => [403, "Forbidden\n"]],
];

const server = http.createServer((request, response) => {
  if (request.url === "/metrics") return metrics(request, response);
  let [status, text] = [404, "Not found\n"];
  for (const [method, pattern, template, answer] of ROUTES) {
    const found = method === request.method ? pattern.exec(request.url) : null;
    if (found === null) continue;
    setRoute(request, template);
    try {
      [status, text] = answer(found[1]);
    } catch (error) {
      noteError(request, error);
      [status, text] = [500, "Something went wrong\n"];
    }
  }
  response.writeHead(status, { "content-type": "text/plain" });
  response.end(text);
});

const port = Number(process.env.PORT ?? 3000);
recordServer(server).listen(port, () => console.log(`Listening on http://localhost:${port}`));
