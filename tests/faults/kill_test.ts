/**
 * Workers are killed under load, again and again. No request that was answered may be missing from
 * the totals, none that was never sent may be in them, and no total may ever go down by one bit.
 *
 * A few kills in `deno task test`, many in `deno task faults`.
 */
import { type Storm, survive } from "./kill_storm.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const STORMS: readonly Storm[] = [
  { workerClass: "process", kills: IS_FULL ? 300 : 20 },
  { workerClass: "thread", kills: IS_FULL ? 75 : 3 },
];

for (const storm of STORMS) {
  Deno.test(
    `gpe serve loses no counted request when a ${storm.workerClass} is killed ${storm.kills} times under load`,
    () => survive(storm),
  );
}
