/**
 * An application that calls `Deno.serve` itself. Under `gpe serve` its first call is served on the
 * address of `--bind`, by every worker; without `gpe` it runs as it always did.
 *
 * ```sh
 * deno run -A mod.ts serve examples/deno_serve.ts --workers 2 --bind 127.0.0.1:8000
 * ```
 *
 * @module
 */

const USER = new URLPattern({ pathname: "/users/:id" });

async function route(request: Request): Promise<Response> {
  const user = USER.exec(request.url);
  if (user !== null) return Response.json({ id: user.pathname.groups["id"] });
  switch (new URL(request.url).pathname) {
    case "/":
      return new Response("Try /users/7, /echo (POST) or /fail\n");
    case "/echo":
      return new Response(await request.arrayBuffer());
    case "/fail":
      // Counted as a failed request; the client gets the status 500, as it would without gpe.
      throw new Error("This route always fails");
    default:
      return new Response("Not found\n", { status: 404 });
  }
}

Deno.serve({ port: 8000 }, route);
