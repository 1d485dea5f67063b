/**
 * Pages as bytes. What a family was printed as last time is used again while its values are the same:
 * of the series of a service most stand still from one scrape to the next.
 *
 * @module
 */
import { familyOpenMetrics, OPENMETRICS_END, otherNames } from "../core/exposition_openmetrics.ts";
import { familyText, selectFamilies } from "../core/exposition_text.ts";
import type { Family } from "../core/family.ts";
import type { ExpositionFormat } from "./negotiate.ts";

/** Makes pages; one for each aggregator, whose families stay the same objects. */
export interface PagePrinter {
  /** Prints families. @param names Those to print; `undefined` for all */
  print(
    families: readonly Family[],
    format: ExpositionFormat,
    names: ReadonlySet<string> | undefined,
  ): Uint8Array<ArrayBuffer>;
}

/** A family as it was printed. */
interface Printed {
  readonly series: Family["series"];
  readonly values: Float64Array;
  readonly bytes: Uint8Array;
}

/** Makes a printer that has printed nothing yet. */
export function createPagePrinter(): PagePrinter {
  const encoder = new TextEncoder();
  const end = encoder.encode(OPENMETRICS_END);
  const textFamilies = new WeakMap<Family, Printed>();
  let openMetricsFamilies = new WeakMap<Family, Printed>();
  /** What the counters on the last OpenMetrics page had to leave to others. */
  let left = "";

  function printAll(
    families: readonly Family[],
    known: WeakMap<Family, Printed>,
    print: (family: Family) => string,
  ): Uint8Array[] {
    return families.map((family) => {
      const before = known.get(family);
      if (before !== undefined && isSame(before, family)) return before.bytes;
      const { series } = family;
      const values = Float64Array.from(series, ({ value }) => value);
      const bytes = encoder.encode(print(family));
      known.set(family, { series, values, bytes });
      return bytes;
    });
  }

  return {
    print(families, format, names) {
      const selected = selectFamilies(families, names);
      if (format === "text") return joined(printAll(selected, textFamilies, familyText));
      const others = otherNames(selected);
      const taken = [...others].join(" ");
      if (taken !== left) openMetricsFamilies = new WeakMap();
      left = taken;
      const parts = printAll(
        selected,
        openMetricsFamilies,
        (family) => familyOpenMetrics(family, others),
      );
      return joined([...parts, end]);
    },
  };
}

/** Whether a family is what it was. A NaN never is. */
function isSame({ series, values }: Printed, family: Family): boolean {
  return series === family.series && series.every(({ value }, i) => value === values[i]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let size = 0;
  for (const part of parts) {
    bytes.set(part, size);
    size += part.length;
  }
  return bytes;
}
