/**
 * What a subcommand is.
 *
 * @module
 */
import type { Log } from "../core/log.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { SettingGroup } from "../config/setting.ts";
import type { CliIo } from "./io.ts";

/** A flag of a command that is no setting. */
export type CommandSwitch = "all";

/** What a subcommand gets to work with. */
export interface CommandContext {
  /** The validated settings with their origins. */
  readonly loaded: LoadedConfig;
  /** The operand, where the command takes one. */
  readonly operand: string | undefined;
  /** The value of `--format`; the command's first format when it was not given. */
  readonly format: string;
  /** The flags of the command's own that were given. */
  readonly switches: ReadonlySet<CommandSwitch>;
  /** Writes to stderr. */
  readonly log: Log;
  /** The process. */
  readonly io: CliIo;
}

/** A subcommand. */
export interface Command {
  /** The word on the command line. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The one operand it takes, as the usage line names it. */
  readonly operand?: string;
  /** More about it, for its own help. */
  readonly details?: string;
  /** The settings whose flags it takes. */
  readonly groups: readonly SettingGroup[];
  /** The values of its `--format`, the default first; without them it has no such flag. */
  readonly formats?: readonly string[];
  /** The flags it has beside settings, each with a line for its help. */
  readonly switches?: readonly (readonly [flag: CommandSwitch, description: string])[];
  /** Does it. The result is the exit code. */
  readonly run: (context: CommandContext) => Promise<number>;
}
