/**
 * The Prometheus text format 0.0.4.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 * @module
 */
import { type Family, textName } from "./family.ts";
import { valueText } from "./series_text.ts";

/** The content type of the format. */
export const TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What is printed of the families. */
export interface RenderOptions {
  /**
   * Metric or sample names to print, as the `name[]` parameters of a scrape give them: a family's
   * name stands for all its series, a sample's for the series of that name. Default: everything.
   */
  readonly names?: ReadonlySet<string>;
}

/**
 * Prints families in the text format.
 *
 * @param families In the order they are printed, with names that do not clash.
 */
export function renderText(families: readonly Family[], options: RenderOptions = {}): string {
  return selectFamilies(families, options.names).map(familyText).join("");
}

/** One family in the text format. */
export function familyText(family: Family): string {
  const name = textName(family);
  const help = family.help.replace(/[\\\n]/g, (char) => char === "\n" ? "\\n" : "\\\\");
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${family.kind}\n`;
  for (const { prefix, value } of family.series) text += prefix + valueText(value) + "\n";
  return text;
}

/** The families and series that the names select; everything when there are none. */
export function selectFamilies(
  families: readonly Family[],
  names: ReadonlySet<string> | undefined,
): readonly Family[] {
  if (names === undefined) return families;
  return families.flatMap((family): Family[] => {
    if (familyNames(family).some((name) => names.has(name))) return [family];
    const series = family.series.filter(({ name }) => names.has(name));
    const { name, kind, help } = family;
    return series.length === 0 ? [] : [{ name, kind, help, series }];
  });
}

/** What a family is called in one format or the other. */
function familyNames(family: Family): readonly string[] {
  const { kind, name } = family;
  return kind === "counter" ? [name, `${name}_total`] : [name];
}
