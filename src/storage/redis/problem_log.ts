/**
 * Problems that last: each is logged when it begins and, when all are over, their end once.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";

/** What is wrong at the moment. */
export interface ProblemLog {
  /** One of the problems, one line; `undefined` when there is none. */
  readonly problem: string | undefined;
  /** Something does not work. @param topic What: each has one problem at a time */
  raise(topic: string, problem: string): void;
  /** Something works. */
  clear(topic: string): void;
}

/** The topic that comes first, and whose problem lasts until it is cleared. */
export const CONNECTION = "connection";

/** A problem of anything else that was not met again for this long is over: it may not be tried again. */
const FORGET_MS = 60_000;

/** Different lines of one disturbance that are logged; more would be a flood. */
const MAX_LINES = 20;

/** Makes the log of problems. @param end The line for the end of all of them */
export function problemLog(log: Log, end: string): ProblemLog {
  const problems = new Map<string, { readonly text: string; readonly since: number }>();
  const logged = new Set<string>();
  const first = (): string | undefined => {
    const old = performance.now() - FORGET_MS;
    for (const [topic, { since }] of problems) {
      if (topic !== CONNECTION && since < old) problems.delete(topic);
    }
    return (problems.get(CONNECTION) ?? problems.values().next().value)?.text;
  };
  return {
    get problem() {
      return first();
    },
    raise(topic, text) {
      problems.set(topic, { text, since: performance.now() });
      // Which node or address it was this time stands in parentheses, and is no other problem.
      const kind = text.replace(/ \(.*\)/s, "");
      if (logged.has(kind) || logged.size >= MAX_LINES) return;
      logged.add(kind);
      log.error(text);
    },
    clear(topic) {
      if (logged.size === 0) return;
      problems.delete(topic);
      if (first() !== undefined) return;
      logged.clear();
      log.info(end);
    },
  };
}
