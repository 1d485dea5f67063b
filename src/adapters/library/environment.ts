/**
 * What the environment of an application says.
 *
 * @module
 */
import type { Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load.ts";
import type { SettingGroup } from "../../config/setting.ts";
import { SETTING_KEYS, SETTINGS } from "../../config/settings.ts";
import { RUNTIME } from "../this_runtime.ts";

/**
 * The configuration, with the variables of one group of settings; no other one is asked for.
 *
 * Permission: `env` for these variables; those that may not be read are not set.
 *
 * @throws {ConfigError} When one of them is not accepted, or they contradict each other.
 */
export function environmentConfig(group: SettingGroup): Config {
  const variables = new Set(
    SETTING_KEYS.map((key) => SETTINGS[key])
      .flatMap((setting) => setting.group === group && setting.env ? [setting.env] : []),
  );
  const env = (name: string): string | undefined =>
    variables.has(name) ? RUNTIME.env(name) : undefined;
  return loadConfig({ flags: {}, env }).config;
}
