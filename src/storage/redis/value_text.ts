/**
 * How a stored value is written: the number, further components of an exact sum after commas, and
 * after a space the time it was set, where it has one.
 *
 * ```text
 * 514.5      0.30000000000000004,-2.7755575615628914e-17      7 1700000000.25      absent
 * ```
 *
 * @module
 */
import { isAbsent, setAbsent } from "../../core/absent.ts";

const ABSENT = "absent";

/**
 * No value is longer: an exact sum has at most 40 components (2,098 bits, 53 in each) of at most 25
 * characters. A longer text would cost many times its size while it is taken apart.
 */
const MAX_TEXT_LENGTH = 2048;

/** A number as text that gives the same number back, bit for bit (but for the payload of a NaN). */
export function numberText(value: number): string {
  return value === 0 && 1 / value < 0 ? "-0" : String(value);
}

/**
 * The text of the value in a slot.
 *
 * @param values The driver's array: its bits are looked at, for the mark of a removed series.
 * @param slot The value's slot; its time stands in the next one, in seconds, 0 when it has none.
 */
export function slotText(values: Float64Array, slot: number): string {
  const value = values[slot] as number;
  if (value !== value && isAbsent(values, slot)) return ABSENT;
  const time = values[slot + 1] as number;
  return time === 0 ? numberText(value) : `${numberText(value)} ${numberText(time)}`;
}

/** The text of an exact sum: doubles that add up to it, the rounded sum first. */
export function sumText(components: readonly number[]): string {
  return components.map(numberText).join(",");
}

/**
 * Reads a value into a slot, and its time into the next one.
 *
 * @returns The further components of the sum, none in most cases; `undefined` when the text is no
 * value, and then the slots are as they were.
 */
export function readValueText(
  text: string,
  values: Float64Array,
  slot: number,
): readonly number[] | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  const value = parseNumber(text);
  if (value !== undefined) {
    values[slot] = value;
    values[slot + 1] = 0;
    return NONE;
  }
  if (text === ABSENT) {
    setAbsent(values, slot);
    values[slot + 1] = 0;
    return NONE;
  }
  const [sum = "", timeText = "0", ...more] = text.split(" ");
  const [first, ...rest] = sum.split(",").map(parseNumber);
  const time = parseNumber(timeText);
  if (first === undefined || time === undefined || more.length > 0) return undefined;
  if (!rest.every((component) => component !== undefined)) return undefined;
  values[slot] = first;
  values[slot + 1] = time;
  return rest;
}

const NONE: readonly number[] = [];

/** `Number()` takes the empty text for 0 and anything else for NaN; both would be silent damage. */
function parseNumber(text: string): number | undefined {
  const value = Number(text);
  if (value !== value) return text === "NaN" ? value : undefined;
  return text.trim() === text && text !== "" ? value : undefined;
}
