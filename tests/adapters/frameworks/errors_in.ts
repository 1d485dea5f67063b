/** Reading what counts errors. */
import { assertEquals } from "@std/assert";

/** What counts errors, as `METHOD ENDPOINT TYPE`; a failed request counts as an error too. */
export function errorsIn(values: Readonly<Record<string, number>>) {
  const counts = (name: string): Record<string, number> =>
    Object.fromEntries(
      Object.entries(values).flatMap(([key, value]) => {
        const found = /^(\w+)\{method="(.*)",endpoint="(.*)",error_type="(.*)"\}$/.exec(key);
        if (found === null || found[1] !== name) return [];
        return [[found.slice(2).join(" "), value]];
      }),
    );
  const failed = counts("failed_requests_total");
  const handled = counts("error_handling_total");
  for (const [key, value] of Object.entries(failed)) {
    assertEquals([key, handled[key]], [key, value]);
    delete handled[key];
  }
  return { failed, byStatus: handled };
}
