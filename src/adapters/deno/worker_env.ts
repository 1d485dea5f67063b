/**
 * The environment of worker processes.
 *
 * @module
 */
import type { Variable } from "../../config/config.ts";

/** Variables that tell a service's main process how to talk to systemd: workers must not. */
const SYSTEMD_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/** The environment of this process, with `added`. Permission: env. */
export function workerEnv(added: readonly Variable[]): Record<string, string> {
  const env = Deno.env.toObject();
  for (const name of SYSTEMD_VARIABLES) delete env[name];
  for (const { name, value } of added) env[name] = value;
  return env;
}
