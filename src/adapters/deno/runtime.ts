/**
 * What the worker's instrumentation needs of Deno.
 *
 * @module
 */
import process from "node:process";
import type { SamplerPrimitives } from "../../worker/sampler.ts";

/** Deno's clock, memory, processor time and timers. Needs no permission. */
export const DENO_SAMPLER: SamplerPrimitives = {
  now: () => performance.now(),
  memoryBytes: () => Deno.memoryUsage().rss,
  cpuSeconds() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
  setInterval(callback, periodMs) {
    const timer = setInterval(callback, periodMs);
    Deno.unrefTimer(timer);
    return () => clearInterval(timer);
  },
};

/** The name of this machine, where asking for it is permitted; else `"unknown"`. */
export function permittedHostname(): string {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "hostname" });
  return state === "granted" ? Deno.hostname() : "unknown";
}

/**
 * An environment variable, where reading it is permitted without asking.
 *
 * @returns The value; `undefined` when it is not set or not permitted.
 */
export function permittedEnv(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
