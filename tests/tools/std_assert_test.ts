import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  AssertionError,
  assertIsError,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  equal,
} from "@std/assert";

/** Whether the assertion fails, by what it throws and not by another of the functions under test. */
function fails(assertion: () => unknown): boolean {
  try {
    assertion();
  } catch (error) {
    if (error instanceof AssertionError) return true;
    throw error;
  }
  return false;
}

Deno.test("equal() compares deeply when values are built of plain parts", () => {
  const pairs: [unknown, unknown, boolean][] = [
    [NaN, NaN, true],
    [0, -0, true],
    [[1, { a: "x" }], [1, { a: "x" }], true],
    [[1, { a: "x" }], [1, { a: "y" }], false],
    [{ a: undefined }, {}, false],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }, true],
    [new Map([["a", [1]]]), new Map([["a", [1]]]), true],
    [new Map([["a", [1]]]), new Map([["a", [2]]]), false],
    [new Set([1, 2]), new Set([2, 1]), true],
    [new Float64Array([1, -0]), new Float64Array([1, 0]), true],
    [new Uint8Array([1, 2]), new Uint8Array([1, 3]), false],
    [new Uint8Array([1]), [1], false],
    [new Date(5), new Date(5), true],
    [/a/g, /a/i, false],
    [new URL("http://a/"), new URL("http://b/"), false],
    [new Error("a"), new Error("b"), false],
    [1, "1", false],
    [null, undefined, false],
  ];
  for (const [a, b, wanted] of pairs) {
    if (equal(a, b) !== wanted || equal(b, a) !== wanted) {
      throw new Error(`equal(${Deno.inspect(a)}, ${Deno.inspect(b)}) is not ${wanted}`);
    }
  }
});

Deno.test("equal() ends when a value holds itself", () => {
  const loop = (): unknown => {
    const value: Record<string, unknown> = { a: 1 };
    value.self = value;
    return value;
  };
  assert(equal(loop(), loop()));
});

Deno.test("assertEquals() shows both values when they differ", () => {
  const error = assertThrows(
    () => assertEquals({ port: 1 }, { port: 2 }, "the ports"),
    AssertionError,
  );
  for (const part of ["port: 1", "port: 2", "the ports"]) assert(error.message.includes(part));
  assert(fails(() => assertNotEquals([1], [1])));
  assert(fails(() => assertStrictEquals(0, -0)));
  assert(!fails(() => assertStrictEquals(NaN, NaN)));
});

Deno.test("assertThrows() fails when nothing, the wrong class or the wrong text is thrown", () => {
  const thrower = (): never => {
    throw new RangeError("out of range: 7");
  };
  assertEquals(assertThrows(thrower, Error, "range: 7").name, "RangeError");
  assert(fails(() => assertThrows(() => 1)));
  assert(fails(() => assertThrows(thrower, TypeError)));
  assert(fails(() => assertThrows(thrower, RangeError, "8")));
  assert(fails(() =>
    assertThrows(() => {
      throw "text";
    }, Error)
  ));
  assertIsError(new TypeError("a 1"), TypeError, /a \d/);
});

Deno.test("assertRejects() fails when the promise is fulfilled or the function throws", async () => {
  const error = await assertRejects(() => Promise.reject(new TypeError("no")), TypeError, "no");
  assertEquals(error.message, "no");
  await assertRejects(() => assertRejects(() => Promise.resolve()), AssertionError);
  await assertRejects(() =>
    assertRejects(() => {
      throw new Error("at once");
    }), AssertionError);
});

Deno.test("assertObjectMatch() looks at the expected properties only", () => {
  const actual = { a: 1, b: { c: [1, { d: 2, e: 3 }], f: "x" } };
  assert(!fails(() => assertObjectMatch(actual, { b: { c: [1, { d: 2 }] } })));
  assert(fails(() => assertObjectMatch(actual, { b: { c: [1, { d: 3 }] } })));
  assert(fails(() => assertObjectMatch(actual, { z: undefined })));
});

Deno.test("assertAlmostEquals() and assertArrayIncludes() fail when a value is outside", () => {
  assert(!fails(() => assertAlmostEquals(0.1 + 0.2, 0.3)));
  assert(fails(() => assertAlmostEquals(1, 1.1, 0.01)));
  assert(!fails(() => assertArrayIncludes([{ a: 1 }, { b: 2 }], [{ b: 2 }])));
  assert(fails(() => assertArrayIncludes([1, 2], [3])));
});
