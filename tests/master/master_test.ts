import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { workerId } from "../../src/master/master.ts";
import { settle } from "./fake_runtime.ts";
import { begin, beginRunning, end, restarts } from "./scene.ts";

Deno.test("workerId() is stable for a slot", () => {
  assertEquals(workerId(2), "worker_2");
});

Deno.test("run() starts one worker in each slot, numbered from 1", async () => {
  const { runtime, master, exitCode } = begin(3);
  assertEquals(runtime.started.map((worker) => worker.slot), [1, 2, 3]);
  assertEquals(master.running, 0);
  for (const worker of runtime.started) await worker.run();
  assertEquals(master.running, 3);
  master.stop();
  for (const worker of runtime.started) await worker.exit(0);
  assertEquals(await exitCode, 0);
  assertEquals(master.running, 0);
});

Deno.test("run() replaces a worker at once when it had been running", async () => {
  const { runtime, master, events, exitCode } = begin(1);
  for (let times = 0; times < 20; times++) {
    await runtime.last.run();
    await runtime.last.signalled("SIGKILL");
  }
  assertEquals(runtime.started.length, 21);
  assertEquals(runtime.clock.waiting, []);
  assertEquals(events.slice(0, 6), [
    "1 starting",
    "1 running",
    "1 dead",
    "1 ended",
    "1 restarted signal crash",
    "1 starting",
  ]);
  master.stop();
  await runtime.last.exit(0);
  assertEquals(await exitCode, 0);
});

Deno.test("run() waits longer from failure to failure when a worker ends before it is running", async () => {
  const { runtime, master, exitCode } = begin(2);
  await runtime.started[0]!.run();
  const waits: number[] = [];
  for (let times = 0; times < 9; times++) {
    await runtime.last.exit(1);
    const wait = runtime.clock.waiting[0]!;
    waits.push(wait);
    await runtime.clock.advance(wait);
  }
  assertEquals(waits, [75, 150, 300, 600, 1200, 2400, 3750, 3750, 3750]);
  await runtime.last.run();
  await runtime.last.exit(1);
  await runtime.last.exit(1);
  assertEquals(runtime.clock.waiting, [75]);
  master.stop();
  await runtime.started[0]!.exit(0);
  assertEquals(await exitCode, 0);
});

Deno.test("run() gives up with 1 when no worker could be started", async () => {
  const { runtime, exitCode } = begin(1);
  for (let times = 0; times < 5; times++) {
    await runtime.last.fail("Cannot reach the database");
    await runtime.clock.advance(5000);
  }
  await runtime.last.fail("Cannot reach the database");
  assertEquals(await exitCode, 1);
  assertEquals(runtime.started.length, 6);
  assertEquals(runtime.linesOf("error"), [
    "error Cannot reach the database; trying again",
    "error Cannot start any worker: gave up after 6 failed tries",
  ]);
  assertEquals(runtime.clock.waiting, []);
});

Deno.test("run() gives the reason of the last failure when it is a new one", async () => {
  const { runtime, exitCode } = begin(1);
  for (let times = 1; times <= 6; times++) {
    await runtime.last.fail(times < 6 ? "Cannot reach the database" : "Cannot log in");
    await runtime.clock.advance(5000);
  }
  assertEquals(await exitCode, 1);
  assertEquals(
    runtime.linesOf("error").at(-1),
    "error Cannot start any worker: gave up after 6 failed tries, the last one: Cannot log in",
  );
});

Deno.test("run() gives up at once when the first worker says that it is pointless", async () => {
  const { runtime, events, exitCode } = begin(2);
  await runtime.started[0]!.fail('Cannot serve "app.ts": no handler', true);
  assertEquals(await exitCode, 1);
  assertEquals(runtime.started.length, 2);
  assertEquals(runtime.started[1]!.asked, ["stop", "kill"]);
  assertEquals(runtime.linesOf("error"), ['error Cannot serve "app.ts": no handler']);
  assert(events.includes("2 aborting"));
});

Deno.test("run() gives the reason once when two workers say at the same time that it is pointless", async () => {
  const { runtime, exitCode } = begin(2);
  const [first, second] = runtime.started;
  await Promise.all([first!.fail("Cannot load it", true), second!.fail("Cannot load it", true)]);
  assertEquals(await exitCode, 1);
  assertEquals(runtime.lines, ["error Cannot load it"]);
});

Deno.test("run() goes on trying when a start is pointless but workers had been running", async () => {
  const { runtime, master, exitCode } = begin(2);
  const [first, second] = runtime.started;
  await first!.run();
  await second!.fail("Cannot load it", true);
  assertEquals(runtime.clock.waiting, [75]);
  master.stop();
  await first!.exit(0);
  assertEquals(await exitCode, 0);
});

Deno.test("run() says with what a worker ended when it said nothing itself", async () => {
  const { runtime, master, exitCode } = begin(1);
  await runtime.last.exit(7);
  await runtime.clock.advance(5000);
  await runtime.last.signalled("SIGSEGV");
  assertEquals(runtime.linesOf("error"), [
    "error Cannot start worker_1: it ended with exit code 7 before it was running; trying again",
    "error Cannot start worker_1: it ended with SIGSEGV before it was running; trying again",
  ]);
  master.stop();
  assertEquals(await exitCode, 0);
});

Deno.test("stop() ends the wait of a slot that backs off", async () => {
  const { runtime, master, exitCode } = begin(1);
  await runtime.last.exit(1);
  assertEquals(runtime.clock.waiting.length, 1);
  master.stop();
  assertEquals(await exitCode, 0);
  assertEquals([runtime.started.length, runtime.clock.waiting], [1, []]);
});

Deno.test("stop() asks all and kills only what is left when called again", async () => {
  const { runtime, master, exitCode } = begin(2);
  const [first, second] = runtime.started;
  await first!.run();
  await second!.run();
  master.stop();
  assertEquals([first!.asked, second!.asked], [["stop"], ["stop"]]);
  await first!.exit(0);
  master.stop();
  assertEquals([first!.asked, second!.asked], [["stop"], ["stop", "kill"]]);
  assertEquals(await exitCode, 0);
});

Deno.test("stop() does not replace a worker that ends meanwhile", async () => {
  const { runtime, master, events, exitCode } = begin(1);
  await runtime.last.run();
  master.stop();
  await runtime.clock.advance(30_000);
  assertEquals(await exitCode, 0);
  assertEquals(runtime.last.asked, ["stop", "kill"]);
  assertEquals(runtime.started.length, 1);
  assertEquals(events.filter((event) => event.includes("restarted")), []);
});

Deno.test("run() names the worker and its end when one that had been running died", async () => {
  const { runtime, master, exitCode } = begin(1);
  await runtime.last.run();
  await runtime.last.exit(2);
  await settle();
  assertStringIncludes(runtime.linesOf("warn")[0] ?? "", "worker_1 ended with exit code 2");
  master.stop();
  await runtime.last.exit(0);
  assertEquals(await exitCode, 0);
});

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
