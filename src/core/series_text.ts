/**
 * The text of a series and of a value, the same in both exposition formats.
 *
 * @module
 */

const LABEL_SPECIAL = /[\\"\n]/g;

function escapeLabelChar(char: string): string {
  return char === "\n" ? "\\n" : `\\${char}`;
}

/**
 * Labels as they stand between the braces.
 *
 * @param labels Names and values, in the order they are printed.
 */
export function labelsText(labels: readonly (readonly [string, string])[]): string {
  return labels.map(([name, value]) => `${name}="${value.replace(LABEL_SPECIAL, escapeLabelChar)}"`)
    .join(",");
}

/**
 * A line up to its value: `name{label="value"} `, with the space. Escaping keeps different label values
 * apart, so this also identifies the series.
 *
 * @param name The sample name.
 * @param labels Names and values, in the order they are printed.
 */
export function seriesPrefix(
  name: string,
  labels: readonly (readonly [string, string])[],
): string {
  return labels.length === 0 ? `${name} ` : `${name}{${labelsText(labels)}} `;
}

/** A sample value: JavaScript's shortest text that reads back as the same double, `+Inf`, `-Inf`, `NaN`. */
export function valueText(value: number): string {
  if (value - value === 0) return String(value);
  if (value !== value) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}
