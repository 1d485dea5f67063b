import { assertEquals } from "@std/assert";
import { format, inspect } from "node:util";
import { formatValue, inspectList } from "../../../src/core/inspect.ts";
import { createRandom } from "../../support/random.ts";

Deno.test("inspectList() prints what util.inspect() prints for any list of names", () => {
  const random = createRandom(3);
  const below = (limit: number) => Math.floor(random() * limit);
  for (let i = 0; i < 3000; i++) {
    const longest = 1 + below(i % 3 === 0 ? 6 : 25);
    const list = Array.from({ length: below(24) }, () => "a".repeat(1 + below(longest)));
    assertEquals(inspectList(list), inspect(list));
  }
});

Deno.test("formatValue() prints what util.format() prints for what may be passed as a value", () => {
  const values = [
    undefined,
    null,
    NaN,
    -0,
    5n,
    "text",
    true,
    {},
    { a: 1, "b-c": "it's" },
    { a: { b: { c: { d: 1 } } } },
    [],
    [1, "x", [2]],
    () => 1,
    function named() {},
    Symbol("s"),
  ];
  for (const value of values) assertEquals(formatValue(value), format(value));
});
