import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createMaster, type Master, workerId } from "../../src/master/master.ts";
import { FakeRuntime, settle } from "./fake_runtime.ts";

interface Scene {
  runtime: FakeRuntime;
  master: Master;
  events: string[];
  exitCode: Promise<number>;
}

function begin(workers: number, timeoutMs = 0): Scene {
  const runtime = new FakeRuntime();
  const events: string[] = [];
  const master = createMaster({
    workers,
    gracefulTimeoutMs: 30_000,
    timeoutMs,
    spawn: runtime.spawn,
    clock: runtime.clock,
    log: runtime.log,
    observer: {
      opened() {},
      pool() {},
      state: (slot, state) => events.push(`${slot} ${state}`),
      ended: (slot) => events.push(`${slot} ended`),
      restarted: (slot, reason, type) => events.push(`${slot} restarted ${reason} ${type}`),
    },
  });
  return { runtime, master, events, exitCode: master.run() };
}

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
