/**
 * The text of a `le` label, as Python's client prints it (`floatToGoString` of its `utils.py`).
 *
 * @module
 */

/** Python's `repr` switches to an exponent below this decimal exponent … */
const LOWEST_FIXED_EXPONENT = -4;
/** … and from this one on. */
const LOWEST_LARGE_EXPONENT = 16;
/** Go switches sooner; Python's client follows it for positive numbers. */
const LOWEST_GO_EXPONENT = 6;

/**
 * Prints a number as Python's client prints bucket bounds: `1.0`, `0.005`, `1e-05`, `1e+06`, `+Inf`.
 *
 * From 1e10 to 1e16 Python prints a zero too many (`1e+010`). So does this function: the text is part of
 * the series' identity, and both clients' pages must show the same series.
 *
 * @param value Any number.
 * @returns The shortest digits that read back as `value`.
 */
export function goFloat(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const sign = value < 0 ? "-" : "";
  const [mantissa = "", exponentText = ""] = Math.abs(value).toExponential().split("e");
  const exponent = Number(exponentText);
  const digits = mantissa.replace(".", "");
  if (exponent < LOWEST_FIXED_EXPONENT || exponent >= LOWEST_LARGE_EXPONENT) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent >= LOWEST_GO_EXPONENT && value > 0) return `${mantissa}e+0${exponent}`;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}
