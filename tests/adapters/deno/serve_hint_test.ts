import { assert, assertFalse } from "@std/assert";
import { isServeHint } from "../../../src/adapters/deno/serve_hint.ts";

const HINT = 'warning: Detected export default { fetch }, did you mean to run "deno serve"?\n';

const is = (line: string): boolean => isServeHint(new TextEncoder().encode(line));

Deno.test("isServeHint() is true when the line is the runtime's", () => {
  assert(is(HINT));
  assert(is(HINT.replace("warning: ", "\u001b[0m\u001b[33mwarning: \u001b[0m")));
});

Deno.test("isServeHint() is false when the application says something of the kind", () => {
  for (const line of ["\n", `my ${HINT}`, HINT.replace("fetch", "fetsh")]) assertFalse(is(line));
});
