/**
 * Workers are killed under load, again and again. No request that was answered may be missing from
 * the totals, none that was never sent may be in them, and no total may ever go down by one bit.
 *
 * A few kills in `deno task test`, many in `deno task faults`.
 */
import { serveStorm, survive } from "./kill_storm.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const KILLS = { process: IS_FULL ? 300 : 6, thread: IS_FULL ? 75 : 2 };

for (const workerClass of ["process", "thread"] as const) {
  const kills = KILLS[workerClass];
  Deno.test(
    `gpe serve loses no counted request when a ${workerClass} is killed under load`,
    () => survive(serveStorm(workerClass, kills)),
  );
}
