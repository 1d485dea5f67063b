import { assertEquals } from "@std/assert";
import { nearMatch } from "../../src/cli/near_match.ts";

Deno.test("nearMatch() finds what was probably meant, and nothing when nothing is near", () => {
  const flags = ["workers", "worker-class", "bind", "dir", "metrics-port"];
  assertEquals(nearMatch("worker", flags), "workers");
  assertEquals(nearMatch("worker-clas", flags), "worker-class");
  assertEquals(nearMatch("metric-prot", flags), "metrics-port");
  assertEquals(nearMatch("dri", ["dump"]), undefined);
  assertEquals(nearMatch("", flags), undefined);
  assertEquals(nearMatch("port", []), undefined);
});
