import { assertEquals } from "@std/assert";
import { createListenerShares } from "../../../src/adapters/node/listener_shares.ts";

Deno.test("A worker has others while one of those that listened with it does", () => {
  const shares = createListenerShares<{ name: string }>();
  const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
  const others = (): boolean[] => [a, b, c].map((worker) => shares.hasOthers(worker));
  assertEquals(others(), [false, false, false]);
  shares.join(a);
  shares.join(a);
  assertEquals(others(), [false, false, false]);
  shares.join(b);
  assertEquals(others(), [true, true, false]);
  shares.leave(a);
  assertEquals(others(), [true, false, false]);
  shares.join(c);
  shares.leave(b);
  assertEquals(others(), [true, true, false]);
});

Deno.test("A worker that listens when all others have ended is none of theirs", () => {
  const shares = createListenerShares<{ name: string }>();
  const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
  shares.join(a);
  shares.join(b);
  shares.leave(a);
  shares.leave(b);
  shares.leave(b);
  shares.join(c);
  assertEquals([a, b, c].map((worker) => shares.hasOthers(worker)), [false, false, false]);
});
