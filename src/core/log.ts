/**
 * The log that long-running parts write to. An application passes its own; the command line passes
 * one that writes lines to stderr.
 *
 * @module
 */

/** Severity, lowest first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One method a level; `fields` are printed after the message or as JSON members. */
export type Log = Readonly<
  Record<LogLevel, (message: string, fields?: Readonly<Record<string, unknown>>) => void>
>;

const ignore = (): void => {};

/** A log that drops everything. */
export const SILENT_LOG: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
