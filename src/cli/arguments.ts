/**
 * From the words of the command line to a command with its flags.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { choice } from "../config/parsers.ts";
import { SETTING_KEYS, SETTINGS } from "../config/settings.ts";
import type { Command, CommandSwitch } from "./command.ts";
import { nearMatch } from "./near_match.ts";
import { UsageError } from "./usage_error.ts";

/** What was asked for. */
export interface Arguments {
  /** The subcommand, where one is named. */
  readonly command: Command | undefined;
  /** Its operand. */
  readonly operand: string | undefined;
  /** The value of `--format`. */
  readonly format: string | undefined;
  /** The command's own flags that stand alone. */
  readonly switches: ReadonlySet<CommandSwitch>;
  /** `--help` */
  readonly help: boolean;
  /** `--version` */
  readonly version: boolean;
  /** The flags of settings that were given, in order of appearance. */
  readonly flags: Readonly<Record<string, readonly string[]>>;
}

/** Flags that every command has. */
const SWITCHES = ["help", "version"] as const;

/** Flags of single commands that are no settings. */
const COMMAND_SWITCHES: readonly CommandSwitch[] = ["all"];

/** The flags of settings that stand alone. */
const SETTING_SWITCHES: ReadonlySet<string> = new Set(
  SETTING_KEYS.map((key) => SETTINGS[key])
    .flatMap(({ flag, isSwitch }) => flag !== undefined && isSwitch ? [flag] : []),
);

/** The flags of settings that a command takes; those of every command when none is named. */
function settingFlags(command: Command | undefined): string[] {
  return SETTING_KEYS.map((key) => SETTINGS[key])
    .filter(({ group }) => command === undefined || command.groups.includes(group))
    .flatMap(({ flag }) => flag === undefined ? [] : [flag]);
}

/**
 * Reads the command line.
 *
 * @throws {UsageError} naming what is unknown, and what was probably meant
 */
export function readArguments(args: readonly string[], commands: readonly Command[]): Arguments {
  const unknownFlags: string[] = [];
  const settings = settingFlags(undefined);
  const valued = settings.filter((flag) => !SETTING_SWITCHES.has(flag));
  const parsed = parseArgs(joinValues(args), {
    boolean: [...SWITCHES, ...COMMAND_SWITCHES, ...SETTING_SWITCHES],
    string: ["_", "format", ...valued],
    collect: ["format", ...valued],
    alias: { help: "h", version: "V" },
    unknown(arg, key) {
      if (key !== undefined) unknownFlags.push(arg);
      return key === undefined;
    },
  }) as Record<string, unknown> & { _: (string | number)[] };

  const [name, ...operands] = parsed._.map(String);
  const command = commands.find((one) => one.name === name);
  if (name !== undefined && command === undefined) {
    const names = commands.map((one) => one.name);
    throw new UsageError(unknown("command", name, nearMatch(name, names), names));
  }
  const given = (flag: string): string[] => {
    const value = parsed[flag] as string[] | boolean;
    return typeof value === "boolean" ? value ? ["true"] : [] : value;
  };
  const allowed = [
    ...settingFlags(command),
    ...(command?.formats ? ["format"] : []),
    ...(command?.switches ?? []).map(([flag]) => flag),
  ];
  checkFlags([
    ...unknownFlags,
    ...[...settings, ...COMMAND_SWITCHES, "format"].filter((flag) =>
      given(flag).length > 0 && !allowed.includes(flag)
    )
      .map((flag) => `--${flag}`),
  ], [...allowed, ...SWITCHES]);
  checkOperands(command, operands);
  const format = given("format").at(-1);
  checkFormat(command, format);
  return {
    command,
    operand: operands[0],
    format,
    switches: new Set(COMMAND_SWITCHES.filter((flag) => parsed[flag] === true)),
    help: parsed.help === true,
    version: parsed.version === true,
    flags: Object.fromEntries(settings.map((flag) => [flag, given(flag)])),
  };
}

/**
 * The value of `--deno-flag` begins with dashes itself, which a parser takes for a flag of ours;
 * the value `-` of another flag, as in `--access-log -`, it takes for an operand.
 */
function joinValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const flag = joined.at(-1) ?? "";
    const isValue = flag === "--deno-flag" || arg === "-" && /^--[^=]+$/.test(flag);
    if (isValue) joined.splice(-1, 1, `${flag}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

function checkFlags(refused: readonly string[], allowed: readonly string[]): void {
  const [first] = refused;
  if (first === undefined) return;
  const [flag = ""] = first.split("=");
  const name = flag.replace(/^-+/, "");
  if (first.startsWith("--") && allowed.includes(name)) {
    throw new UsageError(`${flag} is "", expected a value`);
  }
  const near = nearMatch(name, allowed);
  throw new UsageError(unknown("flag", flag, near && `--${near}`, undefined));
}

function checkOperands(command: Command | undefined, operands: readonly string[]): void {
  const taken = command?.operand === undefined ? 0 : 1;
  const extra = operands[taken];
  if (extra === undefined) return;
  const expected = taken === 0 ? "none" : `one ${command?.operand}`;
  throw new UsageError(`Unexpected argument ${JSON.stringify(extra)}, expected ${expected}`);
}

function checkFormat(command: Command | undefined, format: string | undefined): void {
  const formats = choice(...command?.formats ?? []);
  if (format === undefined || formats.parse(format) !== undefined) return;
  throw new UsageError(`--format is ${JSON.stringify(format)}, expected ${formats.expected}`);
}

function unknown(
  what: string,
  given: string,
  near: string | undefined,
  all: readonly string[] | undefined,
): string {
  const hint = near !== undefined
    ? `, did you mean ${JSON.stringify(near)}?`
    : all !== undefined
    ? `, expected ${all.join(", ")}`
    : ", see --help";
  return `Unknown ${what} ${JSON.stringify(given)}${hint}`;
}
