import { assertEquals } from "@std/assert";
import { checkHouseRules } from "../../tools/house_rules.ts";

Deno.test("checkHouseRules() names what is wrong with a file", () => {
  const host = ["registry.npm", "js.org"].join("");
  const path = ["", "work", "x"].join("/");
  assertEquals(checkHouseRules("src/a_b.ts", "ok\n".repeat(400)), []);
  assertEquals(checkHouseRules("src/a.ts", "ok\n".repeat(401)).length, 1);
  assertEquals(checkHouseRules("src/aB.ts", ""), ["src/aB.ts: the file name is not in snake_case"]);
  assertEquals(checkHouseRules("a.md", `one\nsee ${host}`), [
    `a.md:2: names the host "${["npm", "js"].join("")}"`,
  ]);
  assertEquals(checkHouseRules("a.md", `in ${path}`), ["a.md:1: names a path of one machine"]);
  assertEquals(checkHouseRules("README.md", "src/work/x and ./home/y"), []);
});
