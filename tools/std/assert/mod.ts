/**
 * A local stand-in for "@std/assert": the functions the tests use, with the same names, signatures
 * and semantics, over Node's assertions. It lets the tests run where only npm can be reached.
 *
 * @module
 */
import { AssertionError as NodeAssertionError } from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { equal } from "./equal.ts";

export { equal };

/** A class whose instances an assertion expects. */
// deno-lint-ignore no-explicit-any
type Class<T> = abstract new (...args: any[]) => T;
/** Something an assertion on arrays can walk over. */
type Items<T> = ArrayLike<T> & object;

/** What a failed assertion throws. */
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

function failed(message: string, msg?: string, options?: ErrorOptions): AssertionError {
  return new AssertionError(msg === undefined ? message : `${message}: ${msg}`, options);
}

function difference(actual: unknown, expected: unknown): string {
  return new NodeAssertionError({ actual, expected, operator: "deepStrictEqual" }).message;
}

function text(value: unknown): string {
  return Deno.inspect(value, { depth: 4, sorted: true });
}

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Fails unless `expr` is falsy. */
export function assertFalse(expr: unknown, msg?: string): void {
  if (expr) throw failed(`Expected a falsy value, got ${text(expr)}`, msg);
}

/** Fails unless the values are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) {
    throw failed(`Values are not equal\n${difference(actual, expected)}`, msg);
  }
}

/** Fails when the values are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) {
    throw failed(`Expected a value not equal to ${text(expected)}`, msg);
  }
}

/** Fails unless the values are the same by `Object.is`: 0 is not -0, NaN is NaN. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (!Object.is(actual, expected)) {
    throw failed(`Values are not strictly equal\n${difference(actual, expected)}`, msg);
  }
}

/** Fails when the values are the same by `Object.is`. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (Object.is(actual, expected)) {
    throw failed(`Expected a value that is not strictly ${text(expected)}`, msg);
  }
}

/** Fails unless the numbers differ by at most `tolerance` (default: 1e-7 of `expected`). */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  throw failed(
    `Expected ${actual} to be within ${allowed} of ${expected}, it is ${delta} off`,
    msg,
  );
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throw failed(`Expected ${text(actual)} > ${text(expected)}`, msg);
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) throw failed(`Expected ${text(actual)} >= ${text(expected)}`, msg);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throw failed(`Expected ${text(actual)} < ${text(expected)}`, msg);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) throw failed(`Expected ${text(actual)} <= ${text(expected)}`, msg);
}

/** Fails when the value is null or undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    throw failed(`Expected a value, got ${text(actual)}`, msg);
  }
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) {
    throw failed(`Expected ${text(actual)} to contain ${text(expected)}`, msg);
  }
}

/** Fails unless the text matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) {
    throw failed(`Expected ${text(actual)} to match ${expected}`, msg);
  }
}

/** Fails when the text matches. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) {
    throw failed(`Expected ${text(actual)} not to match ${expected}`, msg);
  }
}

/** Fails unless every item of `expected` deeply equals an item of `actual`. */
export function assertArrayIncludes<T>(actual: Items<T>, expected: Items<T>, msg?: string): void {
  const all = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !all.some((other) => equal(item, other)));
  if (missing.length > 0) {
    throw failed(`Expected ${text(actual)} to include ${text(missing)}`, msg);
  }
}

/** Fails unless `actual` has, deeply, every property of `expected` with an equal value. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  const found = pick(actual, expected);
  const wanted = pick(expected, expected);
  if (!equal(found, wanted)) {
    throw failed(`Object does not match\n${difference(found, wanted)}`, msg);
  }
}

/** `value` cut down to the properties that `pattern` has; nested objects and arrays likewise. */
function pick(value: unknown, pattern: unknown): unknown {
  if (!isRecord(value) || !isRecord(pattern)) return value;
  if (Array.isArray(value) !== Array.isArray(pattern)) return value;
  const keys = Reflect.ownKeys(pattern).filter((key) => key !== "length" && key in value);
  return Object.fromEntries(keys.map((key) => [key, pick(value[key], pattern[key])]));
}

function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null && !(value instanceof RegExp) &&
    !(value instanceof Date) && !(value instanceof Map) && !(value instanceof Set);
}

/** Fails unless `actual` is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: Class<T>,
  msg?: string,
): asserts actual is T {
  if (!(actual instanceof expectedType)) {
    throw failed(`Expected an instance of ${expectedType.name}, got ${text(actual)}`, msg);
  }
}

/** Fails unless `error` is an error, of the class and with the text in its message where given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: Class<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throw failed(`Expected an Error, got ${text(error)}`, msg);
  }
  if (ErrorClass !== undefined && !(error instanceof ErrorClass)) {
    throw failed(`Expected a ${ErrorClass.name}, got ${text(error)}`, msg, { cause: error });
  }
  if (msgMatches === undefined) return;
  const message = stripVTControlCharacters(error.message);
  const matches = typeof msgMatches === "string"
    ? message.includes(stripVTControlCharacters(msgMatches))
    : msgMatches.test(message);
  if (!matches) {
    throw failed(`Expected the message ${text(message)} to have ${text(msgMatches)}`, msg, {
      cause: error,
    });
  }
}

/** Fails unless `fn` throws. Returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws such an error. Returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: Class<E> | string,
  msgIncludesOrMsg?: string,
  msg?: string,
): E | unknown {
  try {
    fn();
  } catch (error) {
    if (typeof classOrMsg === "function") {
      assertIsError(error, classOrMsg, msgIncludesOrMsg, msg);
    }
    return error;
  }
  throw failed("Expected the function to throw", typeof classOrMsg === "string" ? classOrMsg : msg);
}

/** Fails unless the promise of `fn` is rejected. Returns the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Fails unless the promise of `fn` is rejected with such an error. Returns the error. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: Class<E> | string,
  msgIncludesOrMsg?: string,
  msg?: string,
): Promise<E | unknown> {
  const own = typeof classOrMsg === "string" ? classOrMsg : msg;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw failed("Expected a rejected promise, but the function threw", own, { cause: error });
  }
  if (typeof promise?.then !== "function") {
    throw failed("Expected the function to return a promise", own);
  }
  try {
    await promise;
  } catch (error) {
    if (typeof classOrMsg === "function") {
      assertIsError(error, classOrMsg, msgIncludesOrMsg, msg);
    }
    return error;
  }
  throw failed("Expected the promise to be rejected", own);
}

/** Fails. */
export function fail(msg?: string): never {
  throw failed("Failed assertion", msg);
}

/** Fails, for a place that cannot be reached. */
export function unreachable(msg?: string): never {
  throw failed("Unreachable", msg);
}
