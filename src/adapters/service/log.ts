/**
 * The log of a service: one line an event, for people or for machines.
 *
 * @module
 */
import type { Log, LogLevel } from "../../core/log.ts";

/** How a log is made. */
export interface LogOptions {
  /** Lowest severity that is written. */
  readonly level: LogLevel;
  /** `text`: `2026-11-22T10:00:00.000Z info message key=value`; `json`: one object a line. */
  readonly format: "text" | "json";
  /** Receives each line, with its line break. */
  readonly write: (line: string) => void;
  /** The time of an event. */
  readonly now?: () => Date;
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

type Fields = Readonly<Record<string, unknown>>;

/** Makes a log. */
export function createLog({ level, format, write, now = () => new Date() }: LogOptions): Log {
  const line = format === "json" ? jsonLine : textLine;
  const lowest = LEVELS.indexOf(level);
  const method = (own: LogLevel): Log[LogLevel] =>
    LEVELS.indexOf(own) < lowest
      ? () => {}
      : (message, fields = {}) => write(line(now().toISOString(), own, message, fields) + "\n");
  return {
    debug: method("debug"),
    info: method("info"),
    warn: method("warn"),
    error: method("error"),
  };
}

function textLine(time: string, level: LogLevel, message: string, fields: Fields): string {
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${textValue(value)}`);
  return `${time} ${level} ${oneLine(message)}${pairs.join("")}`;
}

function jsonLine(time: string, level: LogLevel, message: string, fields: Fields): string {
  const own = { time, level, message };
  // The first three names are the log's own, whatever the fields are called.
  return JSON.stringify(Object.assign({ ...own }, fields, own), plain);
}

function textValue(value: unknown): string {
  const text = typeof value === "string"
    ? value
    : JSON.stringify(plain("", value)) ?? String(value);
  const needsQuotes = typeof value === "string" && (text === "" || /[\s"=\\\p{Cc}]/u.test(text));
  return needsQuotes ? JSON.stringify(text) : text;
}

/** What JSON has no form for. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value.message;
  if (typeof value === "bigint" || value instanceof URL) return String(value);
  return value;
}

/** Text from a worker or a file name must not be able to forge a line of its own. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
