/**
 * The environment of worker processes.
 *
 * @module
 */
import type { Variable } from "../../config/config.ts";
import { placeVariables } from "../storage/place.ts";
import type { StoragePlace } from "../storage/storage.ts";

/** Variables that tell a service's main process how to talk to systemd: workers must not. */
const SYSTEMD_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/**
 * The environment of this process, with the variables of the storage and `added`.
 *
 * Permission: env.
 */
export function workerEnv(
  added: readonly Variable[],
  place: StoragePlace,
): Record<string, string> {
  const env = Deno.env.toObject();
  for (const name of SYSTEMD_VARIABLES) delete env[name];
  Object.assign(env, placeVariables(place));
  for (const { name, value } of added) env[name] = value;
  return env;
}
