import { assertEquals } from "@std/assert";
import { startSampler } from "../../src/worker/sampler.ts";

/** A gauge that keeps what was set, and a clock that is moved by hand. */
function setUp() {
  const values: Record<string, number> = {};
  const gauge = (name: string) => ({
    set: (value: number) => void (values[name] = value),
    inc() {},
    dec() {},
  });
  const state = { now: 5000, cpu: 1, memory: 100, tick: () => {}, ended: false };
  const end = startSampler({
    memory: gauge("memory"),
    cpu: gauge("cpu"),
    uptime: gauge("uptime"),
    eventLoopLag: gauge("lag"),
  }, {
    now: () => state.now,
    memoryBytes: () => state.memory,
    cpuSeconds: () => state.cpu,
    setInterval(callback, periodMs) {
      assertEquals(periodMs, 100);
      state.tick = callback;
      return () => state.ended = true;
    },
  });
  const pass = (ms: number) => {
    state.now += ms;
    state.tick();
  };
  return { values, state, pass, end };
}

Deno.test("startSampler() sets the gauges at once and then each second", () => {
  const { values, state, pass, end } = setUp();
  assertEquals(values, { memory: 100, uptime: 0, lag: 0, cpu: 0 });
  state.memory = 200;
  state.cpu = 1.25;
  for (let i = 0; i < 9; i++) pass(100);
  assertEquals(values.memory, 100);
  pass(100);
  assertEquals(values, { memory: 200, uptime: 1, lag: 0, cpu: 25 });
  end();
  assertEquals(state.ended, true);
});

Deno.test("startSampler() shows the longest delay when a timer fires late", () => {
  const { values, pass } = setUp();
  pass(100);
  pass(350);
  pass(120);
  pass(430);
  assertEquals(values.lag, 0.33);
  for (let i = 0; i < 10; i++) pass(100);
  assertEquals(values.lag, 0);
});
