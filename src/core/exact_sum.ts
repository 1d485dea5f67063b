/**
 * Sums of doubles without error: the result depends on what was added, never on order or grouping.
 *
 * The method is Shewchuk's expansion ("Adaptive Precision Floating-Point Arithmetic and Fast Robust
 * Geometric Predicates", 1997), with the correction for halfway cases of Python's `math.fsum`. Where an
 * intermediate sum leaves the range of a double, it goes on in integers, so that a sum which comes
 * back into the range is right as well.
 *
 * @module
 */

/** A double is a multiple of 2^-1074; sums that left the range are counted in these units. */
const UNIT_EXPONENT = -1074;
/** Bits kept of a large integer before it is converted: more than enough to round it once. */
const KEPT_BITS = 128;

const BITS = new DataView(new ArrayBuffer(8));

/** The value of a finite double in units of 2^-1074. */
function toUnits(value: number): bigint {
  BITS.setFloat64(0, value);
  const bits = BITS.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const size = exponent === 0n ? fraction : (fraction | 0x10_0000_0000_0000n) << (exponent - 1n);
  return bits >> 63n === 1n ? -size : size;
}

/** The double nearest to `units` x 2^-1074, ties to even; infinite when it is out of range. */
function fromUnits(units: bigint): number {
  const size = units < 0n ? -units : units;
  const bits = size.toString(2).length;
  let result: number;
  if (bits <= KEPT_BITS) {
    // Below 2^53 units there is nothing to round; above, the result is far from the subnormals.
    result = scale(Number(size), UNIT_EXPONENT);
  } else {
    const dropped = bits - KEPT_BITS;
    const kept = size >> BigInt(dropped);
    // The lowest bit says whether anything was dropped, which decides ties.
    const sticky = (kept << BigInt(dropped)) === size ? 0n : 1n;
    result = scale(Number(kept | sticky), UNIT_EXPONENT + dropped);
  }
  return units < 0n ? -result : result;
}

/** `value` x 2^`exponent`, in steps: 2^-1074 times a power of two is exact, one large step is not. */
function scale(value: number, exponent: number): number {
  let result = value;
  let left = exponent;
  for (; left < -1000; left += 1000) result *= 2 ** -1000;
  for (; left > 1000; left -= 1000) result *= 2 ** 1000;
  return result * 2 ** left;
}

/** One exact sum. */
export class ExactSum {
  /** Parts of the finite sum: they do not overlap, smallest first, none is zero. */
  readonly #parts: number[] = [];
  /** Infinities and NaN, added the plain way: 0 while there were none. */
  #special = 0;
  /** The finite sum in units of 2^-1074, once a partial sum left the range of a double. */
  #units: bigint | undefined;

  /** Adds a value without error. */
  add(value: number): void {
    if (value - value !== 0) {
      this.#special += value;
      return;
    }
    if (this.#units !== undefined) {
      this.#units += toUnits(value);
      return;
    }
    const parts = this.#parts;
    let x = value;
    let kept = 0;
    for (let i = 0; i < parts.length; i++) {
      const y = parts[i] as number;
      const sum = x + y;
      if (sum - sum !== 0) {
        // parts[0 … kept) are rounding errors of this addition, parts[i …] are still to be added.
        parts.splice(kept, i - kept, x);
        this.#units = this.#toUnits();
        parts.length = 0;
        return;
      }
      const yShare = sum - x;
      const error = (x - (sum - yShare)) + (y - yShare);
      if (error !== 0) parts[kept++] = error;
      x = sum;
    }
    parts.length = kept;
    if (x !== 0) parts.push(x);
  }

  /** The sum, rounded once to the nearest double (ties to even). */
  rounded(): number {
    if (this.#special !== 0) return this.#special;
    if (this.#units !== undefined) return fromUnits(this.#units);
    const parts = this.#parts;
    let i = parts.length - 1;
    if (i < 0) return 0;
    let sum = parts[i] as number;
    let error = 0;
    while (i > 0 && error === 0) {
      const x = sum;
      const y = parts[--i] as number;
      sum = x + y;
      error = y - (sum - x);
    }
    if (sum - sum !== 0) return fromUnits(this.#toUnits());
    // Halfway between two doubles: what follows decides, not "to even".
    const next = i > 0 ? parts[i - 1] as number : 0;
    if ((error < 0 && next < 0) || (error > 0 && next > 0)) {
      const twice = error * 2;
      const other = sum + twice;
      if (other - sum === twice) sum = other;
    }
    return sum;
  }

  /**
   * What the rounded value lacks.
   *
   * @returns Doubles that add up, together with {@linkcode ExactSum.rounded}, to the exact sum, largest
   * first; none when it is exact, infinite or NaN.
   */
  components(): number[] {
    const components: number[] = [];
    let value = this.rounded();
    if (value - value !== 0) return components;
    const rest = new ExactSum();
    rest.addSum(this);
    // A sum that is not 0 is at least 2^-1074 and never rounds to 0.
    for (rest.add(-value); (value = rest.rounded()) !== 0; rest.add(-value)) components.push(value);
    return components;
  }

  /** Adds another sum without error. */
  addSum(other: ExactSum): void {
    if (other.#special !== 0) this.#special += other.#special;
    if (other.#units !== undefined) {
      this.#units = this.#toUnits() + other.#units;
      this.#parts.length = 0;
    }
    for (const part of other.#parts) this.add(part);
  }

  /** Starts again at 0. */
  reset(): void {
    this.#parts.length = 0;
    this.#special = 0;
    this.#units = undefined;
  }

  #toUnits(): bigint {
    return this.#parts.reduce((units, part) => units + toUnits(part), this.#units ?? 0n);
  }
}
