/**
 * Lists of bucket bounds for histograms.
 *
 * @module
 */

/**
 * Bucket bounds at equal distances.
 *
 * @param start The first bound.
 * @param width The distance between two bounds.
 * @param count How many bounds.
 * @returns The bounds, `start`, `start + width`, …
 * @throws {Error} when `count` is below 1.
 */
export function linearBuckets(start: number, width: number, count: number): number[] {
  if (count < 1) throw new Error("Linear buckets needs a positive count");
  return Array.from({ length: count }, (_, i) => start + i * width);
}

/**
 * Bucket bounds at equal ratios.
 *
 * @param start The first bound, above 0.
 * @param factor The ratio of two neighbours, above 1.
 * @param count How many bounds.
 * @returns The bounds, `start`, `start * factor`, …
 * @throws {Error} when an argument is out of its range.
 */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  if (start <= 0) throw new Error("Exponential buckets needs a positive start");
  if (count < 1) throw new Error("Exponential buckets needs a positive count");
  if (factor <= 1) throw new Error("Exponential buckets needs a factor greater than 1");
  const bounds = new Array<number>(count);
  let bound = start;
  for (let i = 0; i < count; i++) {
    bounds[i] = bound;
    // Multiplied step by step, not raised to a power: the last bits shall be prom-client's.
    bound *= factor;
  }
  return bounds;
}
