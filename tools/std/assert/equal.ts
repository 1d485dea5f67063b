/** Deep equality as "@std/assert" has it: like Node's strict one, but 0 equals -0 and a null prototype is no difference. */
import { isDeepStrictEqual } from "node:util";

/** Whether two values are deeply equal. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

function compare(a: unknown, b: unknown, seen: Map<object, object>): boolean {
  // `===` covers 0 and -0, Object.is covers NaN.
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (classOf(a) !== classOf(b)) return false;
  if (a instanceof Date || a instanceof RegExp) return isDeepStrictEqual(a, b);
  if (a instanceof URL) return a.href === (b as URL).href;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Set) return sameMembers([...a], [...b as Set<unknown>], seen);
  if (a instanceof Map) return sameMembers([...a], [...b as Map<unknown, unknown>], seen);
  const keys = ownKeys(a);
  return keys.length === ownKeys(b).length &&
    keys.every((key) =>
      Object.hasOwn(b, key) && compare(Reflect.get(a, key), Reflect.get(b, key), seen)
    );
}

function classOf(value: object): unknown {
  return value.constructor ?? Object;
}

function ownKeys(value: object): PropertyKey[] {
  // The message of an error is not enumerable, but it counts.
  const hidden = value instanceof Error ? ["message"] : [];
  const symbols = Object.getOwnPropertySymbols(value).filter((symbol) =>
    Object.prototype.propertyIsEnumerable.call(value, symbol)
  );
  return [...new Set([...Object.keys(value), ...hidden, ...symbols])];
}

/** Whether each member of `a` finds a partner of its own in `b`, in any order. */
function sameMembers(a: unknown[], b: unknown[], seen: Map<object, object>): boolean {
  if (a.length !== b.length) return false;
  const rest = [...b];
  return a.every((member) => {
    const at = rest.findIndex((other) => compare(member, other, new Map(seen)));
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  });
}
