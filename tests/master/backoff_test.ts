import { assertEquals } from "@std/assert";
import { backoffMs, bootAttempts } from "../../src/master/backoff.ts";

Deno.test("backoffMs() doubles from 100 ms up to 5 s when chance is highest", () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => backoffMs(failures, 1));
  assertEquals(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
});

Deno.test("backoffMs() leaves half of the wait to chance", () => {
  assertEquals(backoffMs(1, 0), 50);
  assertEquals(backoffMs(8, 0), 2500);
});

Deno.test("bootAttempts() is three for each worker and at least six", () => {
  assertEquals([1, 2, 3, 16].map(bootAttempts), [6, 6, 9, 48]);
});
