/**
 * The environment of worker processes.
 *
 * @module
 */
import type { Variable } from "../../config/config.ts";
import { SETTINGS } from "../../config/settings.ts";
import type { StoragePlace } from "../storage/storage.ts";

/** Variables that tell a service's main process how to talk to systemd: workers must not. */
const SYSTEMD_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/**
 * The environment of this process, with `added`. It names the directory of the metric files, for the
 * threads and programs that the application starts; of Redis it says nothing new, for that has secrets.
 *
 * Permission: env.
 */
export function workerEnv(
  added: readonly Variable[],
  place: StoragePlace,
): Record<string, string> {
  const env = Deno.env.toObject();
  for (const name of SYSTEMD_VARIABLES) delete env[name];
  if (place.kind === "directory") env[SETTINGS.directory.env as string] = place.directory;
  for (const { name, value } of added) env[name] = value;
  return env;
}
