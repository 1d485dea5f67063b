import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  compareCodePoints,
  decodeSampleKey,
  encodeSampleKey,
  withoutHelp,
} from "../../src/core/sample_key.ts";
import { externalTest } from "../support/externals.ts";
import { askPython } from "../support/python.ts";
import { createRandom } from "../support/random.ts";

const random = createRandom(11);
const RANGES = [[0, 0x80], [0x20, 0x7f], [0x80, 0x800], [0x800, 0xd800], [0xd800, 0xe000], [
  0xe000,
  0x10000,
], [0x10000, 0x110000]] as const;

function randomText(): string {
  const length = Math.floor(random() * 8);
  return Array.from({ length }, () => {
    const [from, to] = RANGES[Math.floor(random() * RANGES.length)]!;
    return String.fromCodePoint(from + Math.floor(random() * (to - from)));
  }).join("");
}

type Parts = readonly [string, string, Record<string, string>, string];

function randomParts(): Parts {
  const labels: [string, string][] = Array.from(
    { length: Math.floor(random() * 5) },
    () => [randomText(), randomText()],
  );
  return [randomText(), randomText(), Object.fromEntries(labels), randomText()];
}

externalTest(
  "encodeSampleKey() gives the bytes of Python's json.dumps for any text",
  ["python3-prometheus-client"],
  async (paths) => {
    const parts = Array.from({ length: 4_000 }, randomParts);
    parts.push(["a", "b", { "\uffff": "1", "😀": "2", "\ud800": "3", z: "\u007f" }, "\b\f\n\r\t/"]);
    const python = paths["python3-prometheus-client"];
    const program = "result = [json.dumps(parts, sort_keys=True) for parts in data]";
    const expected = await askPython(python, program, parts) as string[];
    assertEquals(parts.map((part) => encodeSampleKey(...part)), expected);
  },
);

Deno.test("encodeSampleKey() sorts labels and escapes what is not ASCII", () => {
  assertEquals(
    encodeSampleKey("x", "x_total", { b: 'é"\n', a: "😀\u007f" }, "Help\\"),
    '["x", "x_total", {"a": "\\ud83d\\ude00\\u007f", "b": "\\u00e9\\"\\n"}, "Help\\\\"]',
  );
});

Deno.test("decodeSampleKey() gives back what encodeSampleKey() got", () => {
  for (let i = 0; i < 1_000; i++) {
    const [metric, sample, labels, help] = randomParts();
    const sorted = Object.entries(labels).sort((a, b) => compareCodePoints(a[0], b[0]));
    const decoded = decodeSampleKey(encodeSampleKey(metric, sample, labels, help));
    assertEquals(decoded, { metric, sample, labels: sorted, help });
  }
});

Deno.test("decodeSampleKey() gives undefined for anything that is not a key", () => {
  const keys = [
    "",
    "[",
    "null",
    "{}",
    "1e999",
    '"a"',
    '["a", "b", {}]',
    '["a", "b", {}, "h", 1]',
    '["a", "b", [], "h"]',
    '["a", "b", null, "h"]',
    '["a", "b", "c", "h"]',
    '["a", "b", {"l": 1}, "h"]',
    '["a", "b", {"l": null}, "h"]',
    '["a", "b", {"l": {}}, "h"]',
    '[1, "b", {}, "h"]',
    '["a", null, {}, "h"]',
    '["a", "b", {}, 4]',
    "[".repeat(1_000_000),
    '{"length": 4}',
  ];
  for (const key of keys) assertEquals(decodeSampleKey(key), undefined, key.slice(0, 40));
});

Deno.test("decodeSampleKey() keeps a label named __proto__ a label", () => {
  const key = '["a", "b", {"__proto__": "x", "constructor": "y"}, "h"]';
  assertEquals(decodeSampleKey(key)?.labels, [["__proto__", "x"], ["constructor", "y"]]);
  assert(!("x" in {}));
});

Deno.test("compareCodePoints() puts astral characters behind all others", () => {
  const sorted = ["", "a", "ab", "b", "\ud800", "\ud800a", "\udc00", "\uffff", "😀", "😀a", "😁"];
  assertEquals(sorted.toReversed().sort(compareCodePoints), sorted);
  assertEquals(compareCodePoints("x", "x"), 0);
});

Deno.test("withoutHelp() cuts the help text off and nothing else, whatever it is", () => {
  const labels = { l: 'a", "b', m: "\\" };
  const keys = ["", "Help.", 'with "quotes"', "\\", '\\"', '", "', '"', "ends in \\"].map((help) =>
    encodeSampleKey("a", "b", labels, help)
  );
  const wanted = keys[0]!.slice(0, -'"]'.length - 1);
  assertEquals(new Set(keys.map(withoutHelp)), new Set([wanted]));
  assertNotEquals(withoutHelp(encodeSampleKey("a", "b", {}, "Help.")), wanted);
  for (const text of ["", "[", '"', '""', "[1]"]) assert(text.startsWith(withoutHelp(text)));
});
