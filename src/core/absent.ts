/**
 * The mark of a gauge series that was removed: storage slots are never given back, so the slot says
 * itself that it holds nothing.
 *
 * @module
 */
import type { GaugeMode } from "./modes.ts";
import type { Cell } from "./storage.ts";

/**
 * A quiet NaN with the payload "gpe": no arithmetic makes it, and every other reader takes it for a
 * plain NaN.
 */
const ABSENT_BITS = 0x7ff8_6770_6500_0001n;

function bitsOf(values: Float64Array, index: number): BigUint64Array {
  return new BigUint64Array(values.buffer, values.byteOffset + index * 8, 1);
}

/**
 * Marks a gauge's slot as holding no series. Where a mode adds the writers up it becomes 0 instead,
 * which every reader, Python's included, leaves out of a sum by itself.
 *
 * @param cell The slot.
 * @param mode The gauge's mode.
 */
export function markAbsent(cell: Cell, mode: GaugeMode): void {
  if (mode === "sum" || mode === "livesum") {
    cell.values[cell.index] = 0;
  } else {
    setAbsent(cell.values, cell.index);
  }
}

/** Puts the mark into a slot. */
export function setAbsent(values: Float64Array, index: number): void {
  bitsOf(values, index)[0] = ABSENT_BITS;
}

/**
 * Whether a slot was marked by {@linkcode markAbsent}. Worth asking only where the value is NaN.
 *
 * @param values The array; its bits are compared, so it must be the storage's, not converted values.
 * @param index The slot.
 */
export function isAbsent(values: Float64Array, index: number): boolean {
  return bitsOf(values, index)[0] === ABSENT_BITS;
}
