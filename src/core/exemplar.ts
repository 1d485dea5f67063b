/**
 * OpenMetrics exemplars: labels that lead from a value to one event behind it (a trace id, say).
 *
 * @module
 */

/** The labels, value and time of one event. */
export interface Exemplar {
  /** The labels, at most 128 characters together. */
  readonly labelSet: Readonly<Record<string, string | number>>;
  /** The value of the event. */
  readonly value: number;
  /** When it happened, seconds since the epoch. */
  readonly timestamp: number;
}

/**
 * An exemplar of this moment.
 *
 * @param labelSet The labels.
 * @param value The value of the event.
 * @throws {RangeError} when names and values have more than 128 characters together, as
 * OpenMetrics 1.0 allows ("Exemplars").
 */
export function makeExemplar(
  labelSet: Readonly<Record<string, string | number>>,
  value: number,
): Exemplar {
  let length = 0;
  for (const [name, text] of Object.entries(labelSet)) length += `${name}${text}`.length;
  if (length > 128) throw new RangeError("Label set size must be smaller than 128 UTF-8 chars");
  return { labelSet: { ...labelSet }, value, timestamp: Date.now() / 1000 };
}
