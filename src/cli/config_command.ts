import { describeOrigin } from "../config/load.ts";
import { formatSetting, SETTING_KEYS, SETTINGS } from "../config/settings.ts";
import type { Command } from "./command.ts";

/** `gpe config`: what is in force, and where it came from. */
export const configCommand: Command = {
  name: "config",
  summary: "Print the effective configuration with the origin of each value",
  groups: ["storage", "retire", "endpoint", "serve", "log"],
  formats: ["text", "json"],
  async run({ loaded, format, io }) {
    const rows = SETTING_KEYS.map((key) => {
      const { flag, env } = SETTINGS[key];
      return {
        name: flag ?? env ?? key,
        value: formatSetting(key, loaded.values[key]),
        origin: describeOrigin(loaded.origins[key]),
      };
    });
    await io.stdout(
      format === "json" ? `${JSON.stringify(rows, null, 2)}\n` : alignColumns(rows),
    );
    return 0;
  },
};

function alignColumns(rows: readonly { name: string; value: string; origin: string }[]): string {
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  const valueWidth = Math.max(...rows.map(({ value }) => value.length));
  return rows.map(({ name, value, origin }) =>
    `${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${origin}\n`
  ).join("");
}
