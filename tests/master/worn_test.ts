/** Workers that ask for another in their place. */
import { assertEquals } from "@std/assert";
import { settle } from "./fake_runtime.ts";
import { beginRunning, end, restarts } from "./scene.ts";

Deno.test("run() replaces a worker that asks for it, and tries again when that fails", async () => {
  const scene = await beginRunning(1);
  const { runtime, master, events } = scene;
  const [first] = runtime.started;
  await first!.worn();
  await runtime.last.exit(1);
  assertEquals([master.running, runtime.clock.waiting], [1, [75]]);
  await runtime.clock.advance(75);
  await runtime.last.run();
  assertEquals([runtime.started.length, first!.asked], [3, ["drain"]]);
  await first!.exit(0);
  assertEquals(restarts(events), ["1 restarted max_requests graceful"]);
  await end(scene);
});

Deno.test("run() replaces a worker that asks for it once, when a reload replaces it meanwhile", async () => {
  const scene = await beginRunning(1);
  const { runtime, master, events } = scene;
  const [first] = runtime.started;
  const reloaded = master.reload();
  await settle();
  await first!.worn();
  await runtime.last.run();
  await reloaded;
  await settle();
  assertEquals([runtime.started.length, first!.asked], [2, ["drain"]]);
  await first!.exit(0);
  assertEquals(restarts(events), ["1 restarted hup graceful"]);
  await end(scene);
});

Deno.test("run() replaces a worker that asked for it, though a reload failed meanwhile", async () => {
  const scene = await beginRunning(1);
  const { runtime, master } = scene;
  const [first] = runtime.started;
  await first!.worn();
  await runtime.last.exit(1);
  const reloaded = master.reload();
  await settle();
  await runtime.last.exit(1);
  await reloaded;
  await runtime.clock.advance(200);
  await runtime.last.run();
  assertEquals([runtime.started.length, first!.asked], [4, ["drain"]]);
  await first!.exit(0);
  await end(scene);
});

Deno.test("run() lets a worker be whose predecessor asked to be replaced and died", async () => {
  const scene = await beginRunning(1);
  const { runtime } = scene;
  const [first] = runtime.started;
  await first!.worn();
  await runtime.last.exit(1);
  await first!.signalled("SIGKILL");
  await runtime.last.run();
  await runtime.clock.advance(10_000);
  assertEquals(runtime.started.length, 3);
  await end(scene);
});

Deno.test("run() replaces a worker whose process has to end, and counts it as a timeout", async () => {
  const scene = await beginRunning(1);
  const { runtime, events } = scene;
  const [first] = runtime.started;
  await first!.worn("timeout");
  assertEquals(first!.asked, []);
  await runtime.last.run();
  assertEquals(first!.asked, ["drain"]);
  await first!.exit(0);
  assertEquals(restarts(events), ["1 restarted timeout graceful"]);
  await end(scene);
});

Deno.test("reload() has new workers share nothing with those before", async () => {
  const scene = await beginRunning(2);
  const { runtime, master, renewals } = scene;
  assertEquals(renewals.length, 0);
  const reloading = master.reload();
  await settle();
  assertEquals([renewals.length, runtime.started.length], [1, 3]);
  await end(scene);
  await reloading;
});
