/**
 * What the package needs of Node.
 *
 * @module
 */
import { hostname } from "node:os";
import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { serveMetricsOnNode } from "../http/metrics_server.ts";
import type { Runtime } from "../runtime.ts";
import { callAtExit } from "./at_exit.ts";
import { callBeforeExit } from "./before_exit.ts";
import { nodeFilePrimitives } from "./file_primitives.ts";

/** Node, and what is like it. */
export const NODE_RUNTIME: Runtime = {
  get name() {
    return `node ${process.versions.node}`;
  },
  sampler: {
    now: () => performance.now(),
    memoryBytes: () => process.memoryUsage.rss(),
    cpuSeconds() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    setInterval(callback, periodMs) {
      const timer = setInterval(callback, periodMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  },
  files: nodeFilePrimitives,
  env: (name) => process.env[name],
  hostname,
  atExit: callAtExit,
  beforeExit: callBeforeExit,
  host: (options) => serveMetricsOnNode({ ...options, isBackground: true }),
};
