import { assertEquals } from "@std/assert";
import { pauseAfter, startMirroring } from "../../../src/adapters/storage/mirroring.ts";
import { waitFor } from "../../support/wait_for.ts";

Deno.test("pauseAfter() pauses 20 times as long as copying took, within 0.1 s and 1 s", () => {
  assertEquals([0, 4, 10, 40, 500].map(pauseAfter), [100, 100, 200, 800, 1000]);
});

Deno.test("startMirroring() copies again and again, until it is ended", async () => {
  let copies = 0;
  const end = startMirroring(() => copies++);
  await waitFor(() => copies > 1);
  end();
});
