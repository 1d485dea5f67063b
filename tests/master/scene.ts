/** A master with workers that do what a test tells them, and what it says of them. */
import { assertEquals } from "@std/assert";
import { createMaster, type Master } from "../../src/master/master.ts";
import { FakeRuntime } from "./fake_runtime.ts";

/** A master that is being tested. */
export interface Scene {
  runtime: FakeRuntime;
  master: Master;
  events: string[];
  /** One for each time that workers from then on were to share nothing with those before. */
  renewals: true[];
  exitCode: Promise<number>;
}

/** Starts a master; its workers do nothing yet. */
export function begin(workers: number, timeoutMs = 0): Scene {
  const runtime = new FakeRuntime();
  const events: string[] = [];
  const renewals: true[] = [];
  const master = createMaster({
    workers,
    gracefulTimeoutMs: 30_000,
    timeoutMs,
    spawn: runtime.spawn,
    renew: () => void renewals.push(true),
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
  return { runtime, master, events, renewals, exitCode: master.run() };
}

/** The same with workers that run. */
export async function beginRunning(workers: number, timeoutMs = 0): Promise<Scene> {
  const scene = begin(workers, timeoutMs);
  for (const worker of scene.runtime.started) await worker.run();
  return scene;
}

/** Ends it in order; no timer may be left. */
export async function end({ runtime, master, exitCode }: Scene): Promise<void> {
  master.stop();
  for (const worker of runtime.started) await worker.exit(0);
  assertEquals(await exitCode, 0);
  assertEquals(runtime.clock.waiting, []);
}

/** The restarts that the observer was told of. */
export const restarts = (events: readonly string[]): string[] =>
  events.filter((event) => event.includes("restarted"));
