/** The version of the package; the same as in `deno.json`, which a published module cannot read. */
export const VERSION = "0.1.0";
