import { assertEquals } from "@std/assert";
import { pauseAfter, startMirroring } from "../../../src/adapters/storage/mirroring.ts";
import { waitFor } from "../../support/wait_for.ts";

Deno.test("pauseAfter() pauses 20 times as long as copying took, within 0.1 s and 1 s", () => {
  assertEquals([0, 4, 10, 40, 500].map(pauseAfter), [100, 100, 200, 800, 1000]);
});

Deno.test("startMirroring() copies again and again, until it is ended", async () => {
  let copies = 0;
  const end = startMirroring(function* () {
    copies++;
    yield;
  });
  await waitFor(() => copies > 1);
  end();
});

Deno.test("startMirroring() lets other work in between when copying takes long", async () => {
  let turns = 0;
  const turnsOfSteps: number[] = [];
  const busy = (): void => {
    for (const end = performance.now() + 6; performance.now() < end;);
  };
  const end = startMirroring(function* () {
    for (let step = 0; step < 3; step++) {
      turnsOfSteps.push(turns);
      setTimeout(() => turns++, 0);
      busy();
      yield;
    }
  });
  await waitFor(() => turnsOfSteps.length >= 6);
  end();
  await waitFor(() => turns === turnsOfSteps.length);
  assertEquals(new Set(turnsOfSteps).size, turnsOfSteps.length);
});
