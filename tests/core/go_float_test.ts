import { assertEquals } from "@std/assert";
import { goFloat } from "../../src/core/go_float.ts";
import { externalTest } from "../support/externals.ts";
import { askPython, hexOf } from "../support/python.ts";
import { createRandom, randomDoubles } from "../support/random.ts";

Deno.test("goFloat() prints bucket bounds as Go and Python do", () => {
  const cases: readonly (readonly [number, string])[] = [
    [1, "1.0"],
    [0.005, "0.005"],
    [0.0001, "0.0001"],
    [1e-5, "1e-05"],
    [100_000, "100000.0"],
    [1e6, "1e+06"],
    [2_500_000, "2.5e+06"],
    [1e22, "1e+22"],
    [-1e6, "-1000000.0"],
    [0, "0.0"],
    [-0, "-0.0"],
    [5e-324, "5e-324"],
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [NaN, "NaN"],
  ];
  for (const [value, text] of cases) assertEquals(goFloat(value), text);
});

externalTest(
  "goFloat() prints every double as Python's floatToGoString",
  ["python3-prometheus-client"],
  async (paths) => {
    const random = createRandom(3);
    const values = [...randomDoubles(2_000, 5), 0, -0, Infinity, -Infinity, NaN];
    const view = new DataView(new ArrayBuffer(8));
    for (let i = 0; i < 4_000; i++) {
      view.setUint32(0, random() * 2 ** 32);
      view.setUint32(4, random() * 2 ** 32);
      values.push(view.getFloat64(0));
    }
    for (let e = -30; e < 30; e++) {
      for (const digits of [1, 1.5, 9.99, 1.23456789012345, 3]) {
        values.push(Number(`${digits}e${e}`));
      }
    }
    const expected = await askPython(
      paths["python3-prometheus-client"],
      `import struct
from prometheus_client.utils import floatToGoString
result = [floatToGoString(struct.unpack(">d", bytes.fromhex(text))[0]) for text in data]`,
      values.map(hexOf),
    );
    assertEquals(values.map(goFloat), expected);
  },
);
