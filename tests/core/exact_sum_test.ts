import { assertEquals, assertStrictEquals } from "@std/assert";
import { ExactSum } from "../../src/core/exact_sum.ts";
import { ExactSums } from "../../src/core/exact_sums.ts";
import { externalTest } from "../support/externals.ts";
import { askPython, hexOf } from "../support/python.ts";
import { createRandom, randomDoubles } from "../support/random.ts";

const MAX = Number.MAX_VALUE;
const random = createRandom(17);

function sumOf(values: readonly number[]): ExactSum {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum;
}

/** The same sum by the row, of which only the middle place is used. */
function rowSumOf(values: readonly number[]): number {
  const row = new ExactSums(3);
  for (const value of values) row.add(1, value);
  assertEquals([row.rounded(0), row.rounded(2)], [0, 0]);
  return row.rounded(1);
}

function shuffled(values: readonly number[]): number[] {
  return values.map((value) => [random(), value] as const).sort((a, b) => a[0] - b[0])
    .map(([, value]) => value);
}

/** Doubles of any exponent; the largest ones make sums leave the range on the way. */
function anyDoubles(count: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  return Array.from({ length: count }, () => {
    view.setUint32(0, random() * 2 ** 32);
    view.setUint32(4, random() * 2 ** 32);
    const value = view.getFloat64(0);
    return Number.isFinite(value) ? value : MAX;
  });
}

/** Lists of all shapes: alike, cancelling, close to halfway between two doubles, subnormal. */
function lists(): number[][] {
  const result: number[][] = [];
  for (let i = 0; i < 600; i++) {
    const values = randomDoubles(Math.floor(random() * 20), i);
    result.push(values, [...values, ...values.map((value) => -value), 1e-30 * i]);
    result.push(anyDoubles(Math.floor(random() * 10)));
    result.push([2 ** 53, random() < 0.5 ? 1 : -1, (random() - 0.5) * 2 ** -(i % 200)]);
    result.push(anyDoubles(8).map((value) => value % 1e-310));
  }
  return result;
}

externalTest(
  "ExactSum and ExactSums round as Python's exact fractions and math.fsum do",
  ["python3-prometheus-client"],
  async (paths) => {
    const all = lists();
    const expected = await askPython(
      paths["python3-prometheus-client"],
      `import math, struct
from fractions import Fraction
def total(texts):
    values = [struct.unpack(">d", bytes.fromhex(text))[0] for text in texts]
    try:
        exact = float(sum(map(Fraction, values)))
    except OverflowError:
        exact = math.copysign(math.inf, sum(map(Fraction, values)))
    try:
        assert math.fsum(values) == exact
    except OverflowError:
        pass  # fsum gives up when a partial sum leaves the range
    return struct.pack(">d", exact).hex()
result = [total(texts) for texts in data]`,
      all.map((values) => values.map(hexOf)),
    );
    assertEquals(all.map((values) => hexOf(sumOf(values).rounded())), expected);
    assertEquals(all.map((values) => hexOf(rowSumOf(values))), expected);
  },
);

Deno.test("rounded() gives the same bits in any order and grouping", () => {
  for (const values of lists()) {
    const bits = hexOf(sumOf(values).rounded());
    const mixed = shuffled(values);
    const cut = Math.floor(random() * (mixed.length + 1));
    const first = sumOf(mixed.slice(0, cut));
    const second = sumOf(mixed.slice(cut));
    second.addSum(first);
    assertEquals(hexOf(second.rounded()), bits);
    assertEquals(hexOf(rowSumOf(mixed)), bits);
  }
});

Deno.test("components() keep what rounding drops, so that folded sums stay exact", () => {
  // An infinite sum has no components, so the largest doubles are left out.
  for (const values of lists().filter((list) => list.every((value) => Math.abs(value) < 1e300))) {
    // As accumulators do: what is rounded and stored with its components is added to later.
    let folded: number[] = [];
    for (const value of shuffled(values)) {
      const sum = sumOf([...folded, value]);
      folded = [sum.rounded(), ...sum.components()];
    }
    assertEquals(hexOf(folded[0] ?? 0), hexOf(sumOf(values).rounded()));
    assertEquals(hexOf(sumOf(folded).rounded()), hexOf(sumOf(values).rounded()));
  }
});

Deno.test("components() are what the exact sum has beyond the rounded value", () => {
  const sum = sumOf([2 ** 53, 1, 1e-36]);
  assertEquals([sum.rounded(), ...sum.components()], [2 ** 53 + 2, -1, 1e-36]);
  assertEquals(sumOf([1, 2]).components(), []);
  assertEquals(sumOf([Infinity, 0.1]).components(), []);
  assertEquals(sumOf([MAX, MAX]).components(), []);
});

Deno.test("rounded() is right when partial sums leave the range of a double", () => {
  const cases: readonly (readonly [number[], number])[] = [
    [[MAX, MAX, -MAX], MAX],
    [[MAX, MAX, -MAX, -MAX, 5e-324], 5e-324],
    [[1e308, 1e308, -1e308, 0.1, -1e308], 0.1],
    [[MAX, 2 ** 970], Infinity],
    [[MAX, 2 ** 970, -5e-324], MAX],
    [[-MAX, -MAX], -Infinity],
    [[MAX, MAX, Infinity], Infinity],
  ];
  for (const [values, expected] of cases) {
    assertStrictEquals(sumOf(values).rounded(), expected);
    assertStrictEquals(rowSumOf(values), expected);
  }
});

Deno.test("rounded() follows the rules of infinities and NaN", () => {
  const cases: readonly (readonly [number[], number])[] = [
    [[], 0],
    [[-0, -0], 0],
    [[1, Infinity, 2], Infinity],
    [[-Infinity, 1e308, 1e308], -Infinity],
    [[Infinity, -Infinity], NaN],
    [[NaN, 1], NaN],
    [[Infinity, NaN], NaN],
  ];
  for (const [values, expected] of cases) {
    assertStrictEquals(sumOf(values).rounded(), expected);
    assertStrictEquals(rowSumOf(values), expected);
  }
});

Deno.test("reset() starts again at 0", () => {
  const sum = sumOf([MAX, MAX, NaN, 1]);
  sum.reset();
  sum.add(0.5);
  assertEquals(sum.rounded(), 0.5);
  const row = new ExactSums(1);
  row.add(0, 1e308);
  row.add(0, 1e308);
  row.reset(4);
  row.add(3, 0.5);
  assertEquals([0, 1, 2, 3].map((i) => row.rounded(i)), [0, 0, 0, 0.5]);
});
