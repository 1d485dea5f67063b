/**
 * Families as JSON, for programs that read a dump.
 *
 * @module
 */
import { type RenderOptions, selectFamilies } from "./exposition_text.ts";
import { type Family, textName } from "./family.ts";
import { valueText } from "./series_text.ts";

/**
 * Prints families as a JSON array of `{ name, type, help, samples: [{ name, labels, value }] }`, with
 * the names of the text format. Infinities and NaN, which JSON does not have, are the strings `"+Inf"`,
 * `"-Inf"` and `"NaN"`.
 *
 * @param families In the order they are printed.
 */
export function renderJson(families: readonly Family[], options: RenderOptions = {}): string {
  const result = selectFamilies(families, options.names).map((family) => ({
    name: textName(family),
    type: family.kind,
    help: family.help,
    samples: family.series.map(({ name, labels, value }) => ({
      name,
      labels: Object.fromEntries(labels),
      value: value - value === 0 ? value : valueText(value),
    })),
  }));
  return JSON.stringify(result, undefined, 2) + "\n";
}
