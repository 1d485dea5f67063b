/**
 * How many problems are told: whoever fills a server with garbage is not to fill the log.
 *
 * @module
 */
import type { ReadProblem } from "../../core/storage.ts";

const MOST_NAMED = 100;

/** The first problems, and that there are more. @param keyPrefix What the keys of all of them begin with */
export function nameProblems(
  problems: readonly ReadProblem[],
  keyPrefix: string,
): readonly ReadProblem[] {
  if (problems.length <= MOST_NAMED) return problems;
  const more = { source: keyPrefix, message: "There are more problems than are named" };
  // The same ones each time, whatever order the server gives.
  const ordered = problems.toSorted((a, b) => a.source < b.source ? -1 : 1);
  return [...ordered.slice(0, MOST_NAMED), more];
}
