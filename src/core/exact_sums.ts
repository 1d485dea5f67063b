/**
 * Many exact sums side by side, fast where sums are exact anyway.
 *
 * @module
 */
import { ExactSum } from "./exact_sum.ts";

/**
 * A row of exact sums. Each is kept as a rounded sum and the sum of its rounding errors, two typed-array
 * slots; as long as the errors add up without error themselves, which they do for any few values
 * of like size, those two are the exact sum. Where they do not, an {@linkcode ExactSum} takes over.
 */
export class ExactSums {
  #sums: Float64Array;
  #errors: Float64Array;
  readonly #rest = new Map<number, ExactSum>();

  /** @param length How many sums there are; all start at 0. */
  constructor(length: number) {
    this.#sums = new Float64Array(length);
    this.#errors = new Float64Array(length);
  }

  /** Sets all sums to 0 and makes room for `length` of them. */
  reset(length: number): void {
    if (length > this.#sums.length) {
      this.#sums = new Float64Array(length * 2);
      this.#errors = new Float64Array(length * 2);
    } else {
      this.#sums.fill(0, 0, length);
      this.#errors.fill(0, 0, length);
    }
    this.#rest.clear();
  }

  /** Adds a value to a sum without error. */
  add(index: number, value: number): void {
    const before = this.#sums[index] as number;
    const sum = before + value;
    const share = sum - before;
    const error = (before - (sum - share)) + (value - share);
    this.#sums[index] = sum;
    if (error !== 0) this.#addError(index, before, value, error);
  }

  #addError(index: number, before: number, value: number, error: number): void {
    if (error - error !== 0) {
      // The sum is infinite or NaN, or left the range: the two slots cannot hold it.
      this.#sums[index] = 0;
      const rest = this.#restOf(index);
      rest.add(before);
      rest.add(value);
      return;
    }
    const errors = this.#errors;
    const errorBefore = errors[index] as number;
    const errorSum = errorBefore + error;
    const share = errorSum - errorBefore;
    const second = (errorBefore - (errorSum - share)) + (error - share);
    errors[index] = errorSum;
    if (second !== 0) this.#restOf(index).add(second);
  }

  #restOf(index: number): ExactSum {
    let rest = this.#rest.get(index);
    if (rest === undefined) this.#rest.set(index, rest = new ExactSum());
    return rest;
  }

  /** A sum, rounded once to the nearest double (ties to even). */
  rounded(index: number): number {
    // Adding two doubles rounds once.
    if (this.#rest.size === 0 || !this.#rest.has(index)) {
      return (this.#sums[index] as number) + (this.#errors[index] as number);
    }
    const total = new ExactSum();
    this.addTo(total, index);
    return total.rounded();
  }

  /** Adds a sum of the row to another exact sum. */
  addTo(total: ExactSum, index: number): void {
    total.add(this.#sums[index] as number);
    const error = this.#errors[index] as number;
    if (error !== 0) total.add(error);
    const rest = this.#rest.get(index);
    if (rest !== undefined) total.addSum(rest);
  }
}
