/**
 * Plain `Deno.serve`: the application routes by itself, so it tells the template of the route, and
 * the errors that it catches.
 *
 * ```sh
 * deno run -A mod.ts serve examples/frameworks/deno_serve.ts --workers 2 --sizes-by-endpoint
 * ```
 *
 * @module
 */
import { metricsHandler, noteError, setRoute } from "../../mod.ts";

const metrics = metricsHandler();
const ROUTES: [method: string, template: string, answer: (id: string) => Response][] = [
  ["GET", "/users/:id", (id) => new Response(`User ${id}\n`)],
  ["POST", "/users", () => new Response("Made\n", { status: 201 })],
  ["GET", "/users/:id/photo", (id) => {
    throw new RangeError(`User ${id} has no photo`);
  }],
  ["GET", "/users/:id/secret", () => new Response("Forbidden\n", { status: 403 })],
];
const patterns = ROUTES.map(([, pathname]) => new URLPattern({ pathname }));

Deno.serve({ port: 8000 }, (request) => {
  if (new URL(request.url).pathname === "/metrics") return metrics(request);
  for (const [index, [method, template, answer]] of ROUTES.entries()) {
    const found = method === request.method ? patterns[index]!.exec(request.url) : null;
    if (found === null) continue;
    setRoute(request, template);
    try {
      return answer(found.pathname.groups["id"] ?? "");
    } catch (error) {
      noteError(request, error);
      return new Response("Something went wrong\n", { status: 500 });
    }
  }
  return new Response("Not found\n", { status: 404 });
});
