import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl, isAbsolute, join, relative, resolve, toFileUrl } from "@std/path";

Deno.test("toFileUrl() and fromFileUrl() are each other's inverse when a name needs escaping", () => {
  const path = resolve("a b", "c#d?é%.ts");
  const url = toFileUrl(path);
  assertEquals([url.protocol, url.hash, url.search], ["file:", "", ""]);
  assertEquals(fromFileUrl(url), path);
  assertEquals(fromFileUrl(url.href), path);
});

Deno.test("toFileUrl() refuses a relative path and fromFileUrl() another protocol", () => {
  assertThrows(() => toFileUrl("a/b.ts"), TypeError);
  assertThrows(() => fromFileUrl("http://localhost/a"), TypeError);
});

Deno.test("join(), relative() and isAbsolute() treat paths as Node does", () => {
  assertEquals(relative(resolve("a"), resolve(join("a", "..", "b"))), join("..", "b"));
  assertEquals([isAbsolute(resolve("x")), isAbsolute("x")], [true, false]);
});
