/**
 * Workers of a cluster on Node are killed under load, again and again. With koffi no request that was
 * answered may be missing from the totals; without it, what was answered in the last tenth of a second
 * may be. No total may ever go down by one bit.
 *
 * A few kills on some versions of Node in `deno task test`, more on all in `deno task faults`.
 */
import { type ClusterRuntime, nameOf, startCluster } from "../integration/node_serving.ts";
import { type Buffered, survive, WORKERS } from "./kill_storm.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const KILLS = IS_FULL ? 20 : 3;
const REQUESTS = IS_FULL ? 10_000 : 1000;

const RUNTIMES: readonly ClusterRuntime[] = IS_FULL
  ? [[20, "mapped"], [22, "mapped"], [24, "mapped"], [20, "plain"], [22, "plain"], [24, "plain"]]
  : [[22, "mapped"], [24, "plain"]];

/** The interval of the writer, and while that was written; more where many tests share the machine. */
const BUFFERED: Buffered = {
  unwrittenMs: IS_FULL ? 250 : 1000,
  dumpFlags: ({ directory }) => ["--dir", directory],
};

for (const runtime of RUNTIMES) {
  const isMapped = runtime[1] === "mapped";
  Deno.test(
    `a cluster on ${nameOf(runtime)} loses ${
      isMapped ? "no counted request" : "an unwritten interval at most"
    } when a worker is killed under load`,
    () =>
      survive({
        what: `a worker on ${nameOf(runtime)}`,
        kills: KILLS,
        requests: REQUESTS,
        start: () => startCluster(runtime, { workers: WORKERS }),
        ...!isMapped && { buffered: BUFFERED },
      }),
  );
}
