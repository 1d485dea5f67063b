/**
 * The smallest application: a default export with a `fetch` function.
 *
 * ```sh
 * deno run -A mod.ts serve examples/hello.ts --workers 2
 * ```
 *
 * @module
 */

/** What `gpe serve` (and `deno serve`) serves. */
export default {
  fetch(): Response {
    return new Response("Hello from one of the workers\n");
  },
} satisfies Deno.ServeDefaultExport;
