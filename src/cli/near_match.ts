import { distance } from "fastest-levenshtein";

/**
 * The candidate that was probably meant: at most a third of its letters away.
 *
 * @returns `undefined` when none is near.
 */
export function nearMatch(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const steps = distance(word, candidate);
    if (steps < bestDistance && steps * 3 <= Math.max(candidate.length, 3)) {
      best = candidate;
      bestDistance = steps;
    }
  }
  return best;
}
