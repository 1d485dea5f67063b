/**
 * What the package needs of Deno.
 *
 * @module
 */
import process from "node:process";
import type { Runtime } from "../runtime.ts";
import { callBeforeExit } from "./before_exit.ts";
import { denoFilePrimitives } from "./file_primitives.ts";
import { serveMetricsEndpoint } from "./metrics_server.ts";

/** Deno. What needs a permission that was not given is left out, and not asked for. */
export const DENO_RUNTIME: Runtime = {
  get name() {
    return `deno ${Deno.version.deno}`;
  },
  sampler: {
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
  },
  files: denoFilePrimitives,
  env(name) {
    const { state } = Deno.permissions.querySync({ name: "env", variable: name });
    return state === "granted" ? Deno.env.get(name) : undefined;
  },
  hostname() {
    const { state } = Deno.permissions.querySync({ name: "sys", kind: "hostname" });
    return state === "granted" ? Deno.hostname() : "unknown";
  },
  atExit(callback) {
    addEventListener("unload", callback);
    return () => removeEventListener("unload", callback);
  },
  beforeExit: callBeforeExit,
  // deno-lint-ignore require-await -- what it throws is to be a rejection
  host: async (options) => serveMetricsEndpoint({ ...options, isBackground: true }),
};
