/**
 * Pages as bytes. What a family was printed as last time is used again while its values are the same:
 * of the series of a service most stand still from one scrape to the next.
 *
 * @module
 */
import { Buffer } from "node:buffer";
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
  bytes: Uint8Array | undefined;
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
      const { series } = family;
      let printed = known.get(family);
      if (printed?.series !== series) {
        printed = { series, values: new Float64Array(series.length), bytes: undefined };
        known.set(family, printed);
      }
      if (!takeValues(printed)) printed.bytes = undefined;
      return printed.bytes ??= encoder.encode(print(family));
    });
  }

  return {
    print(families, format, names) {
      const selected = selectFamilies(families, names);
      if (format === "text") return Buffer.concat(printAll(selected, textFamilies, familyText));
      const others = otherNames(selected);
      const taken = [...others].join(" ");
      if (taken !== left) openMetricsFamilies = new WeakMap();
      left = taken;
      const parts = printAll(
        selected,
        openMetricsFamilies,
        (family) => familyOpenMetrics(family, others),
      );
      return Buffer.concat([...parts, end]);
    },
  };
}

/** Takes the values that the series have now. @returns Whether they are what they were; a NaN never is */
function takeValues({ series, values }: Printed): boolean {
  let isSame = true;
  for (let i = 0; i < values.length; i++) {
    const { value } = series[i]!;
    if (value === values[i]) continue;
    values[i] = value;
    isSame = false;
  }
  return isSame;
}
