/**
 * The log of an application that has not given one: what it would miss otherwise.
 *
 * @module
 */
import type { Log, LogLevel } from "../../core/log.ts";

const line = (level: LogLevel): Log[LogLevel] => (message, fields = {}) => {
  const more = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`).join("");
  console.error(`gpe: ${level}: ${message}${more}`);
};

/** Warnings and errors, on standard error. */
export const CONSOLE_LOG: Log = {
  debug() {},
  info() {},
  warn: line("warn"),
  error: line("error"),
};
