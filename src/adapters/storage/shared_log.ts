/**
 * The log of a storage that many processes use: what goes wrong goes wrong for all of them.
 *
 * @module
 */
import type { Log, LogLevel } from "../../core/log.ts";

/**
 * A log that says what several processes tell alike only once: problems until somebody says that
 * things go well again, and that until there is a problem. Repetitions are lines of level debug.
 */
export function sharedLog(log: Log): Log {
  const told = { good: new Set<string>(), bad: new Set<string>() };
  const once = (
    level: LogLevel,
    same: "good" | "bad",
    other: "good" | "bad",
  ): Log[LogLevel] =>
  (message, fields) => {
    told[other].clear();
    if (told[same].has(message)) return log.debug(message, fields);
    told[same].add(message);
    log[level](message, fields);
  };
  return {
    debug: log.debug,
    info: once("info", "good", "bad"),
    warn: once("warn", "bad", "good"),
    error: once("error", "bad", "good"),
  };
}
