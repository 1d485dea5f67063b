/**
 * The OpenMetrics text format 1.0.
 *
 * @see https://prometheus.io/docs/specs/om/open_metrics_spec/
 * @module
 */
import { type RenderOptions, selectFamilies } from "./exposition_text.ts";
import { type Family, sampleNames, textName } from "./family.ts";
import { valueText } from "./series_text.ts";

/** The content type of the format. */
export const OPENMETRICS_CONTENT_TYPE =
  "application/openmetrics-text; version=1.0.0; charset=utf-8";

/**
 * Prints families in the OpenMetrics format. A counter's samples end in `_total` here, whatever the
 * metric is called. Where that name, or the counter's name without it, belongs to another family,
 * the counter keeps its own name and is printed as `unknown`: nothing is lost, and the page stays valid.
 *
 * @param families In the order they are printed, with names that do not clash in the text format.
 */
export function renderOpenMetrics(
  families: readonly Family[],
  options: RenderOptions = {},
): string {
  const selected = selectFamilies(families, options.names);
  const others = otherNames(selected);
  return selected.map((family) => familyOpenMetrics(family, others)).join("") + OPENMETRICS_END;
}

/** What an OpenMetrics page ends with. */
export const OPENMETRICS_END = "# EOF\n";

/** The names that counters of a page must leave to families of other types. */
export function otherNames(families: readonly Family[]): ReadonlySet<string> {
  return new Set(
    families.flatMap((f) => f.kind === "counter" ? [] : sampleNames(f.kind, f.name)),
  );
}

/**
 * One family in the OpenMetrics format.
 *
 * @param others As {@linkcode otherNames} gives them.
 */
export function familyOpenMetrics(family: Family, others: ReadonlySet<string>): string {
  if (family.kind === "counter") return renderCounter(family, others);
  let text = header(family.name, family.kind, family.help);
  for (const { prefix, value } of family.series) text += prefix + valueText(value) + "\n";
  return text;
}

function renderCounter(family: Family, others: ReadonlySet<string>): string {
  const own = textName(family);
  const total = `${family.name}_total`;
  const isClash = others.has(family.name) || others.has(total) ||
    others.has(`${family.name}_created`);
  let text = isClash
    ? header(own, "unknown", family.help)
    : header(family.name, "counter", family.help);
  const name = isClash ? own : total;
  for (const { prefix, value } of family.series) {
    text += name + prefix.slice(own.length) + valueText(value) + "\n";
  }
  return text;
}

const HELP_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\\": "\\\\", '"': '\\"' };

function header(name: string, type: string, help: string): string {
  const escaped = help.replace(/[\\\n"]/g, (char) => HELP_ESCAPES[char] as string);
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n`;
}
