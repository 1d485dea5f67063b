/** Pages of a service under load, compared one with the next: no total may go down by one bit. */
import { assert } from "@std/assert";
import type { Serving } from "../integration/serving.ts";

/** Everything that only ever grows. */
const TOTAL = /^[^{]+(_total|_sum|_count|_bucket)(\{|$)/;

/** Checks that no total of a page is lower than on an earlier one, or gone. */
export function assertNoneLower(
  earlier: ReadonlyMap<string, number>,
  later: ReadonlyMap<string, number>,
): void {
  for (const [key, value] of earlier) {
    if (!TOTAL.test(key)) continue;
    const now = later.get(key);
    assert(now !== undefined && now >= value, `${key} was ${value} and is ${now}`);
  }
}

/** Scrapes without pause and compares each page with the one before. @returns how many pages */
export async function watchTotals(
  serving: Serving,
  load: { readonly done: boolean },
): Promise<number> {
  let scrapes = 0;
  let last = new Map<string, number>();
  do {
    const page = await serving.scrape();
    assertNoneLower(last, page);
    last = page;
    scrapes++;
  } while (!load.done);
  return scrapes;
}
