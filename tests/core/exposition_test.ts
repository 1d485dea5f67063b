import { assert, assertEquals, assertFalse } from "@std/assert";
import { createAggregator } from "../../src/core/aggregate.ts";
import { renderJson } from "../../src/core/exposition_json.ts";
import { renderOpenMetrics } from "../../src/core/exposition_openmetrics.ts";
import { renderText } from "../../src/core/exposition_text.ts";
import { type Family, makeFamily, mergeFamilies } from "../../src/core/family.ts";
import { parseExposition, sampleKey } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { askPython } from "../support/python.ts";
import { type Entry, keyOf, snapshotOf, sourceOf } from "../support/snapshots.ts";

const ODD_VALUES = ["", " ", '"', "\\", "\n", "\\n", 'a",b="c', "é✓😀", "\r\t", "{}=,|", "\u2028"];
const ODD_HELP = 'a \\ "quoted"\nhelp';

/** Families of every type, with everything that has to be escaped. */
function families(): readonly Family[] {
  const bucket = (le: string, label = "1"): string => keyOf("h", { label, le }, "h_bucket");
  const counters: Entry[] = ODD_VALUES.map((value, i) => [
    keyOf("odd", { value }, "odd_total", ODD_HELP),
    i + 0.5,
  ]);
  const { families } = createAggregator().aggregate(snapshotOf(
    sourceOf("1", "counter", [...counters, [keyOf("plain", { a: "1" }), 1e21]]),
    sourceOf("1", "gauge_all", [[keyOf("g", { z: "1" }), NaN], [keyOf("odd"), -0.1]]),
    sourceOf("1-2", "gauge_all", [[keyOf("g", { z: "1" }), -Infinity]]),
    sourceOf("1", "histogram", [
      [bucket("+Inf"), 1],
      [bucket("2500000.0"), 2],
      [bucket("0.005"), 3],
      [bucket("+Inf", "2"), 4],
      [keyOf("h", { label: "1" }, "h_sum"), 0.25],
      [keyOf("h", { label: "2" }, "h_sum"), 1],
    ]),
    sourceOf("1", "summary", [[keyOf("s", {}, "s_sum"), 3], [keyOf("s", {}, "s_count"), 4]]),
  ));
  return families;
}

Deno.test("renderText() prints families as the text format wants them", () => {
  const odd = [
    '""',
    '"\r\t"',
    '" "',
    '"\\""',
    '"\\\\"',
    '"\\\\n"',
    '"\\n"',
    '"a\\",b=\\"c"',
    '"é✓😀"',
    '"{}=,|"',
    '"\u2028"',
  ];
  const values = [0, 8, 1, 2, 3, 5, 4, 6, 7, 9, 10];
  const lines = odd.map((text, i) =>
    [`odd_total{value=${text}} ${values[i]! + 0.5}`, text] as const
  );
  const expected = [
    "# HELP g Help",
    "# TYPE g gauge",
    'g{pid="1",z="1"} NaN',
    'g{pid="1-2",z="1"} -Inf',
    "# HELP h Help",
    "# TYPE h histogram",
    'h_bucket{label="1",le="0.005"} 3',
    'h_bucket{label="1",le="2.5e+06"} 5',
    'h_bucket{label="1",le="+Inf"} 6',
    'h_sum{label="1"} 0.25',
    'h_count{label="1"} 6',
    'h_bucket{label="2",le="+Inf"} 4',
    'h_sum{label="2"} 1',
    'h_count{label="2"} 4',
    '# HELP odd_total a \\\\ "quoted"\\nhelp',
    "# TYPE odd_total counter",
    ...lines.map(([line]) => line).sort(),
    "# HELP odd Help",
    "# TYPE odd gauge",
    'odd{pid="1"} -0.1',
    "# HELP plain Help",
    "# TYPE plain counter",
    'plain{a="1"} 1e+21',
    "# HELP s Help",
    "# TYPE s summary",
    "s_count 4",
    "s_sum 3",
    "",
  ];
  assertEquals(renderText(families()).split("\n"), expected);
});

Deno.test("renderOpenMetrics() names counters by its own rules and ends with # EOF", () => {
  const lines = renderOpenMetrics(families()).split("\n");
  const start = lines.indexOf("# TYPE plain counter");
  assertEquals(lines.slice(start - 1, start + 2), [
    "# HELP plain Help",
    "# TYPE plain counter",
    'plain_total{a="1"} 1e+21',
  ]);
  // The gauge "odd" has the name that the counter "odd_total" would need.
  assert(lines.includes('# HELP odd_total a \\\\ \\"quoted\\"\\nhelp'));
  assert(lines.includes("# TYPE odd_total unknown"));
  assertEquals(lines.slice(-2), ["# EOF", ""]);
});

Deno.test("both formats hold the same samples and escape them alike", () => {
  const text = parseExposition(renderText(families()));
  const open = parseExposition(renderOpenMetrics(families()));
  const plain = sampleKey("plain", { a: "1" });
  open.set(plain, open.get(sampleKey("plain_total", { a: "1" }))!);
  open.delete(sampleKey("plain_total", { a: "1" }));
  assertEquals(new Map([...open].sort()), new Map([...text].sort()));
  for (const [i, value] of ODD_VALUES.entries()) {
    assertEquals(text.get(sampleKey("odd_total", { value })), i + 0.5);
  }
});

externalTest("promtool reads the text format", ["promtool"], async ({ promtool }) => {
  assertEquals(await promtoolSays(promtool, renderText([])), "");
  const said = await promtoolSays(promtool, renderText(families()));
  // It has opinions on names; it would not have any about a page that it cannot read.
  assertFalse(/error|parsing|while/i.test(said), said);
  const own = [
    makeFamily("demo_requests_total", "counter", ODD_HELP, [[{ code: "200" }, 1]]),
    makeFamily("demo_temperature_celsius", "gauge", "Temperature", [[{ pid: "1" }, -0.5]]),
  ];
  assertEquals(await promtoolSays(promtool, renderText(own)), "");
});

async function promtoolSays(promtool: string, page: string): Promise<string> {
  const child = new Deno.Command(promtool, {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { stdout, stderr } = await child.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

externalTest(
  "Python's parsers read both formats and find the values",
  ["python3-prometheus-client"],
  async (paths) => {
    const pages = { text: renderText(families()), open: renderOpenMetrics(families()) };
    const result = await askPython(
      paths["python3-prometheus-client"],
      `from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text
def samples(families):
    return [[s.name, s.labels, repr(s.value)] for f in families for s in f.samples]
def types(families):
    return {f.name: f.type for f in families}
result = {"text": samples(text(data["text"])), "open": samples(open_metrics(data["open"])),
          "types": types(open_metrics(data["open"])),
          "help": [f.documentation for f in open_metrics(data["open"]) if f.name == "odd_total"],
          "empty": samples(open_metrics("# EOF\\n"))}`,
      pages,
    ) as Record<"text" | "open", [string, Record<string, string>, string][]> & {
      types: Record<string, string>;
      help: string[];
    };
    // Its parser of the text format, too, calls every counter's samples `_total`.
    const expected = parseExposition(pages.open);
    for (const format of ["text", "open"] as const) {
      const found = result[format].map(([name, labels, value]) =>
        [sampleKey(name, labels), Number(value.replace("inf", "Infinity"))] as const
      );
      assertEquals(new Map(found), expected);
    }
    assertEquals(result.types, {
      g: "gauge",
      h: "histogram",
      odd: "gauge",
      odd_total: "unknown",
      plain: "counter",
      s: "summary",
    });
    assertEquals(result.help, [ODD_HELP]);
  },
);

Deno.test("renderText() and renderOpenMetrics() print only the names asked for", () => {
  const namesIn = (page: string): string[] => [
    ...new Set([...parseExposition(page).keys()].map((key) => key.split("{")[0]!)),
  ];
  const cases: readonly (readonly [string[], string[]])[] = [
    [["h"], ["h_bucket", "h_sum", "h_count"]],
    [["h_count", "s_sum"], ["h_count", "s_sum"]],
    [["odd_total"], ["odd_total"]],
    [["plain", "missing"], ["plain"]],
    [[], []],
  ];
  for (const [names, expected] of cases) {
    assertEquals(namesIn(renderText(families(), { names: new Set(names) })), expected);
  }
  const page = renderOpenMetrics(families(), { names: new Set(["plain_total", "s"]) });
  assertEquals(namesIn(page), ["plain_total", "s_count", "s_sum"]);
});

Deno.test("renderJson() prints names, labels and values, infinities and NaN as text", () => {
  const own = makeFamily("x_total", "counter", ODD_HELP, [
    [{ b: "2", a: "é\n", ["__proto__"]: "p" }, 0.1],
    [{}, NaN],
    [{ a: "" }, -Infinity],
  ]);
  const samples = JSON.parse(renderJson([own]))[0].samples;
  assertEquals(Object.entries(samples[0].labels), [["__proto__", "p"], ["a", "é\n"], ["b", "2"]]);
  assertEquals(samples.map(({ value }: { value: unknown }) => value), [0.1, "NaN", "-Inf"]);
  const all = JSON.parse(renderJson(families(), { names: new Set(["s"]) }));
  assertEquals(all, [{
    name: "s",
    type: "summary",
    help: "Help",
    samples: [{ name: "s_count", labels: {}, value: 4 }, { name: "s_sum", labels: {}, value: 3 }],
  }]);
});

Deno.test("makeFamily() makes families that are printed like stored ones", () => {
  const own = [
    makeFamily("a_total", "counter", "A", [[{ z: "1", b: '"' }, 2]]),
    makeFamily("b", "gauge", "B", [[{}, Infinity]]),
  ];
  const a = '# HELP a_total A\n# TYPE a_total counter\na_total{b="\\"",z="1"} 2\n';
  assertEquals(renderText(own), `${a}# HELP b B\n# TYPE b gauge\nb +Inf\n`);
  assert(renderOpenMetrics(own).startsWith("# HELP a A\n# TYPE a counter\na_total{"));
});

Deno.test("mergeFamilies() orders by name and leaves out stored families with a name of ours", () => {
  const own = [
    makeFamily("z_total", "counter", "Z", [[{}, 1]]),
    makeFamily("h_count", "gauge", "H", [[{}, 1]]),
    makeFamily("m", "gauge", "M", [[{}, 1]]),
  ];
  const stored = [...families(), makeFamily("z", "counter", "Stored", [[{}, 5]])];
  const merged = mergeFamilies(stored, own);
  assertEquals(merged.map(({ name }) => name), [
    "g",
    "h_count",
    "m",
    "odd",
    "odd",
    "plain",
    "s",
    "z",
  ]);
  assertEquals(merged.at(-1)?.help, "Z");
});
