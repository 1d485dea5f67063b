/**
 * Help texts, made from the commands and the table of settings.
 *
 * @module
 */
import {
  flagText,
  formatSetting,
  SETTING_KEYS,
  type SettingKey,
  SETTINGS,
} from "../config/settings.ts";
import type { Command } from "./command.ts";

/** The help of the program. */
export function generalHelp(commands: readonly Command[]): string {
  const rows = commands.map(({ name, operand, summary }) =>
    [operand === undefined ? name : `${name} ${operand}`, summary] as const
  );
  return `Exact Prometheus metrics for servers that run as many workers

Usage: gpe COMMAND [FLAGS]

Commands:
${table(rows)}

Flags of every command:
${table(COMMON)}

"gpe COMMAND --help" lists the flags and environment variables of a command.
`;
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const { name, summary, operand, details, groups, formats, switches = [] } = command;
  const keys = SETTING_KEYS.filter((key) => groups.includes(SETTINGS[key].group));
  const flags = keys.filter((key) => SETTINGS[key].flag !== undefined).map(flagRow);
  const variables = keys.filter((key) => SETTINGS[key].flag === undefined).map(variableRow);
  const format: Row[] = formats === undefined
    ? []
    : [["--format FORMAT", `${formats.join(", ")} [${formats[0]}]`]];
  const own = switches.map(([flag, text]): Row => [`--${flag}`, text]);
  return `${summary}

Usage: gpe ${name}${operand === undefined ? "" : ` ${operand}`} [FLAGS]
${details === undefined ? "" : `\n${details}\n`}
Flags, their environment variables and defaults:
${table([...format, ...own, ...flags, ...COMMON])}
${
    variables.length === 0 ? "" : `
Environment variables without a flag:
${table(variables)}
`
  }`;
}

type Row = readonly [left: string, right: string];

const COMMON: readonly Row[] = [["--help, -h", "Show help"], ["--version, -V", "Show the version"]];

function flagRow(key: SettingKey): Row {
  return [flagText(key), describe(key, SETTINGS[key].env)];
}

function variableRow(key: SettingKey): Row {
  const { env = "", placeholder } = SETTINGS[key];
  return [`${env}=${placeholder}`, describe(key, undefined)];
}

function describe(key: SettingKey, env: string | undefined): string {
  const initial = formatSetting(key, SETTINGS[key].default);
  const notes = [env, initial].filter((note) => note !== undefined && note !== "");
  return SETTINGS[key].description + (notes.length === 0 ? "" : ` [${notes.join(", ")}]`);
}

/** Two columns. */
export function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join("\n");
}
