import { assertEquals } from "@std/assert";
import { renderOpenMetrics } from "../../src/core/exposition_openmetrics.ts";
import { renderText } from "../../src/core/exposition_text.ts";
import { type Family, makeFamily, type Series } from "../../src/core/family.ts";
import { createPagePrinter } from "../../src/endpoint/page_bytes.ts";

const decoder = new TextDecoder();

/** A family whose lines can be counted as they are printed. */
function watched(
  name: string,
  values: readonly number[],
): Family & { series: Series[]; lines: number } {
  const family = {
    name,
    kind: "gauge" as const,
    help: "Watched ä.",
    lines: 0,
    series: values.map((value, i): Series => ({
      name,
      labels: [["i", `${i}`]],
      get prefix() {
        family.lines++;
        return `${name}{i="${i}"} `;
      },
      value,
    })),
  };
  return family;
}

Deno.test("print() gives what the renderers give, whatever changes from page to page", () => {
  const printer = createPagePrinter();
  const a = watched("a", [1, NaN]);
  const b = watched("b", [0.1, Infinity]);
  let families: Family[] = [a, b];
  const check = (names?: ReadonlySet<string>): void => {
    const options = names === undefined ? {} : { names };
    assertEquals(
      decoder.decode(printer.print(families, "text", names)),
      renderText(families, options),
    );
    assertEquals(
      decoder.decode(printer.print(families, "openmetrics", names)),
      renderOpenMetrics(families, options),
    );
  };
  check();
  check();
  a.series[0]!.value = 2;
  check();
  b.series = [...b.series].reverse();
  check();
  b.series = b.series.slice(1);
  check();
  a.series[1]!.value = 0;
  check();
  a.series[1]!.value = NaN;
  check();
  check(new Set(["b"]));
  // A counter gives way to a gauge that takes its name in OpenMetrics, and has it back.
  const counter = makeFamily("c_total", "counter", "Counted.", [[{}, 3]]);
  families = [a, b, counter];
  check();
  families = [a, b, makeFamily("c", "gauge", "In the way.", [[{}, 1]]), counter];
  check();
  families = [counter];
  check();
  families = [];
  check();
});

for (const format of ["text", "openmetrics"] as const) {
  Deno.test(`print() makes the lines of families that have changed, and of no other (${format})`, () => {
    const printer = createPagePrinter();
    const [still, moving] = [watched("still", [1, 2, 3]), watched("moving", [4, 5])];
    const lines = (): [number, number] => {
      still.lines = moving.lines = 0;
      printer.print([still, moving], format, undefined);
      return [still.lines, moving.lines];
    };
    assertEquals(lines(), [3, 2]);
    assertEquals(lines(), [0, 0]);
    moving.series[1]!.value = 6;
    assertEquals(lines(), [0, 2]);
    assertEquals(lines(), [0, 0]);
  });
}
