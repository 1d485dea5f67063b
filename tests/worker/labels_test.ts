import { assertEquals } from "@std/assert";
import {
  boundedLabel,
  collapsePath,
  errorType,
  methodLabel,
} from "../../src/worker/endpoint_label.ts";

Deno.test("collapsePath() replaces ids when a segment is a number, UUID, hex or long token", () => {
  const paths: [string, string][] = [
    ["http://localhost:8000/users/42/posts?x=/1", "/users/:id/posts"],
    ["https://a/3f2504e0-4f89-11d3-9a0c-0305e82c3301#top", "/:id"],
    ["http://a/files/00FFAA0011223344/raw", "/files/:id/raw"],
    ["http://a/files/00ffaa/raw", "/files/00ffaa/raw"],
    [`http://a/t/${"x".repeat(33)}`, "/t/:id"],
    [`http://a/t/${"x".repeat(32)}`, `/t/${"x".repeat(32)}`],
    ["http://a", "/"],
    ["http://a?b/c", "/"],
    ["http://a/", "/"],
    ["/v1/7/", "/v1/:id/"],
    ["*", "*"],
  ];
  for (const [url, path] of paths) assertEquals(collapsePath(url), path, url);
});

Deno.test("methodLabel() says other when the method is not one of HTTP", () => {
  assertEquals(["GET", "PATCH", "get", "BREW", ""].map(methodLabel), [
    "GET",
    "PATCH",
    "other",
    "other",
    "other",
  ]);
});

Deno.test("errorType() names the class when anything is thrown", () => {
  class Mine extends Error {}
  const hostile = {
    get constructor(): never {
      throw new Error("no");
    },
  };
  const thrown = [new RangeError(), new Mine(), "x", undefined, null, {}, hostile];
  assertEquals(thrown.map(errorType), [
    "RangeError",
    "Mine",
    "string",
    "undefined",
    "object",
    "Object",
    "Object",
  ]);
  assertEquals(errorType(Object.create(null)), "Object");
  // As Oak and http-errors make theirs.
  const named = Object.defineProperty(new Mine(), "name", { value: "ServiceUnavailableError" });
  assertEquals(errorType(named), "ServiceUnavailableError");
  const odd = Object.defineProperty(class {}, "name", { value: 'a"\n'.repeat(100) });
  assertEquals(errorType(new odd()), "a__".repeat(22).slice(0, 64));
});

Deno.test("boundedLabel() says other when the limit is reached", () => {
  const bounded = boundedLabel(2, "rest");
  assertEquals(["a", "b", "a", "c", "b", "d"].map(bounded), ["a", "b", "a", "rest", "b", "rest"]);
});
