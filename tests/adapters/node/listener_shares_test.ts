import { assertEquals } from "@std/assert";
import { createListenerShares } from "../../../src/adapters/node/listener_shares.ts";

Deno.test("ListenerShares tells the workers that take connections of a listener, then and later", () => {
  const shares = createListenerShares<string>();
  assertEquals([...shares.of("a:80")], []);
  shares.join("a:80", "one");
  shares.join("a:80", "one");
  const sharers = shares.of("a:80");
  shares.join("a:80", "two");
  shares.join("b:80", "three");
  assertEquals([...sharers], ["one", "two"]);
  shares.leave("a:80", "one");
  shares.leave("b:80", "two");
  assertEquals([...sharers], ["two"]);
  assertEquals([...shares.of("b:80")], ["three"]);
  shares.join("b:80", "two");
  shares.leaveAll("two");
  assertEquals([...sharers], []);
  assertEquals([...shares.of("b:80")], ["three"]);
});

Deno.test("A worker that listens when all others have left is none of theirs", () => {
  const shares = createListenerShares<string>();
  shares.join("a:80", "one");
  const sharers = shares.of("a:80");
  shares.leave("a:80", "one");
  shares.leave("a:80", "one");
  shares.join("a:80", "two");
  assertEquals([...sharers], []);
  assertEquals([...shares.of("a:80")], ["two"]);
});
