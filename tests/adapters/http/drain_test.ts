import { assertGreaterOrEqual } from "@std/assert";
import { createShutdown } from "../../../src/adapters/http/drain.ts";

Deno.test("createShutdown() counts no time in which the thread had no turn", async () => {
  let stopped = false;
  const stop = (): Promise<void> => {
    stopped = true;
    return Promise.resolve();
  };
  const shutdown = createShutdown(undefined, () => {}, stop, new Promise(() => {}));
  const stopping = shutdown({ drainMs: 200 });
  // Clients may have sent something meanwhile.
  const end = performance.now() + 500;
  while (performance.now() < end);
  let turns = 0;
  while (!stopped) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    turns++;
  }
  await stopping;
  // Four looks in all, each with a turn before it.
  assertGreaterOrEqual(turns, 3);
});
