import { assertEquals, assertStringIncludes } from "@std/assert";
import { settle } from "./fake_runtime.ts";
import { begin, beginRunning, end, restarts } from "./scene.ts";

Deno.test("reload() replaces one worker after the other, the new one up first", async () => {
  const scene = await beginRunning(2);
  const { runtime, master, events } = scene;
  const [first, second] = runtime.started;
  const reloaded = master.reload();
  await settle();
  const third = runtime.last;
  assertEquals([runtime.started.length, third.slot, first!.asked], [3, 1, []]);
  await third.run();
  assertEquals([first!.asked, second!.asked], [["drain"], []]);
  const fourth = runtime.last;
  assertEquals([runtime.started.length, fourth.slot], [4, 2]);
  await fourth.run();
  await reloaded;
  assertEquals(second!.asked, ["drain"]);
  assertEquals(master.running, 2);
  await first!.exit(0);
  await second!.exit(0);
  assertEquals(restarts(events), ["1 restarted hup graceful", "2 restarted hup graceful"]);
  await end(scene);
});

Deno.test("reload() leaves the old worker serving when the new one does not start", async () => {
  const scene = await beginRunning(2);
  const { runtime, master, events } = scene;
  const reloaded = master.reload();
  await settle();
  await runtime.last.fail("Cannot load it", true);
  await reloaded;
  assertEquals([runtime.started.length, master.running], [3, 2]);
  assertEquals(runtime.started[0]!.asked, []);
  assertEquals(events.at(-1), "1 running");
  assertEquals(restarts(events), []);
  assertStringIncludes(runtime.linesOf("error")[0]!, "Cannot replace worker_1: Cannot load it");
  await end(scene);
});

Deno.test("reload() begins again when it is called meanwhile", async () => {
  const scene = await beginRunning(1);
  const { runtime, master } = scene;
  const reloaded = master.reload();
  await settle();
  await master.reload();
  await runtime.last.run();
  assertEquals(runtime.started.length, 3);
  await runtime.last.run();
  await reloaded;
  assertEquals(runtime.started.map((worker) => worker.asked), [["drain"], ["drain"], []]);
  await end(scene);
});

Deno.test("reload() keeps the new worker when the old one dies before it runs", async () => {
  const scene = await beginRunning(1);
  const { runtime, master, events } = scene;
  const reloaded = master.reload();
  await settle();
  await runtime.started[0]!.signalled("SIGKILL");
  await reloaded;
  await runtime.last.run();
  assertEquals([runtime.started.length, master.running], [2, 1]);
  assertEquals(restarts(events), ["1 restarted signal crash"]);
  await end(scene);
});

Deno.test("stop() ends a reload and cuts the wait for clients short", async () => {
  const scene = await beginRunning(2);
  const { runtime, master } = scene;
  const reloaded = master.reload();
  await settle();
  await runtime.last.run();
  master.stop();
  await reloaded;
  assertEquals(runtime.started.map((worker) => worker.asked), [
    ["drain", "stop"],
    ["stop"],
    ["stop"],
    ["stop"],
  ]);
  await end(scene);
});

Deno.test("quit() kills after two seconds what has not ended", async () => {
  const { runtime, master, exitCode } = await beginRunning(1);
  master.quit();
  await runtime.clock.advance(1999);
  assertEquals(runtime.last.asked, ["stop"]);
  await runtime.clock.advance(1);
  assertEquals([runtime.last.asked, await exitCode], [["stop", "kill"], 0]);
});

Deno.test("grow() and shrink() open and close the last slot, but never the first", async () => {
  const scene = await beginRunning(1);
  const { runtime, master, events } = scene;
  master.grow();
  await runtime.last.run();
  assertEquals([runtime.last.slot, master.running], [2, 2]);
  master.shrink();
  const shrunk = runtime.last;
  assertEquals([shrunk.asked, runtime.started[0]!.asked], [["drain"], []]);
  master.shrink();
  assertEquals(runtime.started[0]!.asked, []);
  // The slot is used again, also while its last worker is still draining.
  master.grow();
  await runtime.last.run();
  assertEquals([runtime.last.slot, runtime.started.length], [2, 3]);
  await shrunk.exit(0);
  assertEquals(restarts(events), ["2 restarted ttou graceful"]);
  assertEquals(master.running, 2);
  await end(scene);
});

Deno.test("run() kills and replaces a worker that does not beat for the timeout", async () => {
  const scene = await beginRunning(1, 30_000);
  const { runtime, events } = scene;
  const worker = runtime.last;
  for (let times = 0; times < 4; times++) {
    await runtime.clock.advance(20_000);
    await worker.beat();
  }
  await runtime.clock.advance(29_000);
  assertEquals(worker.asked, []);
  await runtime.clock.advance(1000);
  assertEquals(worker.asked, ["kill"]);
  assertEquals(restarts(events), ["1 restarted timeout forced"]);
  assertEquals(runtime.started.length, 2);
  await runtime.last.run();
  await end(scene);
});

Deno.test("run() kills a worker that does not start within the timeout, though it beats", async () => {
  const scene = begin(1, 8000);
  const { runtime, events } = scene;
  for (let seconds = 0; seconds < 8; seconds++) {
    await runtime.last.beat();
    await runtime.clock.advance(1000);
  }
  assertEquals(runtime.started[0]!.asked, ["kill"]);
  assertStringIncludes(runtime.linesOf("error")[0]!, "Cannot start worker_1: it timed out");
  await runtime.clock.advance(100);
  assertEquals(restarts(events), ["1 restarted timeout forced"]);
  await end(scene);
});

Deno.test("run() kills nobody for the time in which the master itself did not run", async () => {
  const scene = await beginRunning(1, 30_000);
  const { runtime } = scene;
  runtime.clock.jump(600_000);
  await runtime.clock.advance(20_000);
  assertEquals(runtime.last.asked, []);
  await runtime.clock.advance(11_000);
  assertEquals(runtime.started[0]!.asked, ["kill"]);
  await runtime.last.run();
  await end(scene);
});

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
  assertEquals([renewals.length, runtime.started.length], [1, 3]);
  await end(scene);
  await reloading;
});

Deno.test("run() tells the want of memory from other signals", async () => {
  const scene = await beginRunning(1);
  const { runtime, events } = scene;
  await runtime.last.signalled("SIGTRAP", true);
  assertEquals(restarts(events), ["1 restarted oom crash"]);
  assertStringIncludes(runtime.linesOf("warn")[0]!, "worker_1 ended with SIGTRAP, out of memory");
  await end(scene);
});

Deno.test("reopenLogs() reaches every worker that is not dead", async () => {
  const scene = await beginRunning(2);
  const { runtime, master } = scene;
  await runtime.started[0]!.signalled("SIGKILL");
  master.reopenLogs();
  assertEquals(runtime.started.map((worker) => worker.asked), [[], ["reopen"], ["reopen"]]);
  await end(scene);
});
