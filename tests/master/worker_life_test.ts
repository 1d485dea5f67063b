import { assertEquals } from "@std/assert";
import { startLife, type WorkerLife, type WorkerState } from "../../src/master/worker_life.ts";
import { FakeRuntime, type FakeWorker, settle } from "./fake_runtime.ts";

function start(): {
  runtime: FakeRuntime;
  life: WorkerLife;
  worker: FakeWorker;
  states: WorkerState[];
} {
  const runtime = new FakeRuntime();
  const states: WorkerState[] = [];
  const life = startLife({
    slot: 3,
    spawn: runtime.spawn,
    clock: runtime.clock,
    gracefulTimeoutMs: 30_000,
    timeoutMs: 0,
    onWorn() {},
    onState: (state) => states.push(state),
  });
  return { runtime, life, worker: runtime.last, states };
}

Deno.test("startLife() starts the worker of the slot and is starting", () => {
  const { life, worker, states } = start();
  assertEquals([worker.slot, life.pid, life.state], [3, worker.pid, "starting"]);
  assertEquals(states, ["starting"]);
});

Deno.test("startLife() ends with reason boot when the worker was never running", async () => {
  const { life, worker, states } = start();
  await worker.fail("Cannot load it");
  assertEquals(await life.ended, {
    reason: "boot",
    type: "crash",
    booted: false,
    failure: { message: "Cannot load it", permanent: false },
    exit: { code: 1, signal: null },
  });
  assertEquals(states, ["starting", "dead"]);
});

Deno.test("startLife() tells an exit from a signal when the worker had been running", async () => {
  const exited = start();
  await exited.worker.run();
  await exited.worker.exit(3);
  const signalled = start();
  await signalled.worker.run();
  await signalled.worker.signalled("SIGKILL");
  const finished = start();
  await finished.worker.run();
  await finished.worker.exit(0);
  const ends = await Promise.all([exited.life.ended, signalled.life.ended, finished.life.ended]);
  assertEquals(ends.map((end) => [end.reason, end.type]), [
    ["exit", "crash"],
    ["signal", "crash"],
    ["exit", "graceful"],
  ]);
});

Deno.test("terminate() asks once and leaves no timer when the worker ends in time", async () => {
  const { runtime, life, worker, states } = start();
  await worker.run();
  life.terminate("stop");
  life.terminate("exit");
  assertEquals(worker.asked, ["stop"]);
  await worker.exit(0);
  const end = await life.ended;
  assertEquals([end.reason, end.type], ["stop", "graceful"]);
  assertEquals(states, ["starting", "running", "quitting", "dead"]);
  assertEquals(runtime.clock.waiting, []);
});

Deno.test("terminate() kills when the worker takes longer than the grace", async () => {
  const { runtime, life, worker, states } = start();
  await worker.run();
  life.terminate("stop");
  await runtime.clock.advance(29_999);
  assertEquals([worker.asked, life.state], [["stop"], "quitting"]);
  await runtime.clock.advance(1);
  assertEquals(worker.asked, ["stop", "kill"]);
  assertEquals((await life.ended).type, "forced");
  assertEquals(states, ["starting", "running", "quitting", "aborting", "dead"]);
});

Deno.test("abort() kills at once when the worker was asked before", async () => {
  const { life, worker } = start();
  life.terminate("stop");
  life.abort("exit");
  assertEquals(worker.asked, ["stop", "kill"]);
  const end = await life.ended;
  assertEquals([end.reason, end.type], ["stop", "forced"]);
});

Deno.test("startLife() stays quitting when the worker says it runs after it was asked to end", async () => {
  const { life, worker, states } = start();
  life.terminate("stop");
  await worker.run();
  assertEquals([life.state, states.includes("running")], ["quitting", false]);
  await worker.exit(0);
  assertEquals((await life.ended).booted, false);
});

Deno.test("terminate() and abort() do nothing when the worker is dead", async () => {
  const { life, worker, states } = start();
  await worker.exit(0);
  await settle();
  life.terminate("stop");
  life.abort("stop");
  assertEquals([worker.asked, states.at(-1)], [[], "dead"]);
});
