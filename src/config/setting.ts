/**
 * What is known of a setting.
 *
 * @module
 */
import type { Parser } from "./parsers.ts";

/** Which subcommands a setting is for. */
export type SettingGroup = "storage" | "endpoint" | "serve" | "log";

/** One setting. */
export interface Setting<T> {
  /** The flag without dashes, where there is one. */
  readonly flag?: string;
  /** The environment variable, where there is one. An empty one counts as not set. */
  readonly env?: string;
  /** Whether the flag may stand alone, which is `true`. */
  readonly switch?: true;
  /** Whether the flag may be given several times; the parser then gets one value at a time. */
  readonly repeatable?: true;
  /** The value when nothing is given. */
  readonly default: T;
  /** What the value stands for in a help text. */
  readonly placeholder: string;
  /** Which subcommands it is for. */
  readonly group: SettingGroup;
  /** One line for the help text. */
  readonly description: string;
  /** Reads the text of the flag or variable. */
  readonly parser: Parser<T>;
  /** The value as text to show. `String` when not given. */
  readonly format?: (value: T) => string;
}
