/**
 * Workers of a cluster on Node are killed under load, again and again. With koffi no request that was
 * answered may be missing from the totals; without it, what was answered in the last tenth of a second
 * may be. No total may ever go down by one bit.
 *
 * Where all workers are killed at once, connections are cut off; none of them is forgotten.
 *
 * A few kills on some versions of Node in `deno task test`, more on all in `deno task faults`.
 */
import { assertEquals, assertGreater } from "@std/assert";
import { childrenOf } from "../integration/serving.ts";
import { sumOf } from "../support/exposition.ts";
import { NODE_VERSIONS, type NodeVersion } from "../support/node_project.ts";
import { type ClusterRuntime, nameOf, startCluster } from "../integration/node_serving.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  type Buffered,
  CLIENTS,
  newLoad,
  sendRequests,
  startedIn,
  survive,
  WORKERS,
} from "./kill_storm.ts";

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

const VERSIONS: readonly NodeVersion[] = IS_FULL ? NODE_VERSIONS : [24];
const ROUNDS = IS_FULL ? 20 : 4;

for (const version of VERSIONS) {
  Deno.test(
    `a cluster on Node ${version} leaves no client waiting when all of its workers are killed at once`,
    async () => {
      await using serving = await startCluster([version, "mapped"], { workers: WORKERS });
      const { gpe } = serving;
      const load = newLoad();
      let ended = false;
      const clients = Promise.all(
        Array.from({ length: CLIENTS }, () => sendRequests(serving, load)),
      ).finally(() => ended = true);
      for (let round = 1; round <= ROUNDS; round++) {
        const before = load.answered;
        await waitFor(() => load.answered > before + 100);
        for (const pid of await childrenOf(gpe.pid)) Deno.kill(pid, "SIGKILL");
        await waitFor(() => startedIn(serving) === WORKERS * (round + 1), {
          what: () => `other workers; there is:\n${gpe.stderr}`,
        });
      }
      load.done = true;
      await waitFor(() => ended, { what: "the last answers" });
      await clients;
      const samples = await serving.scrape();
      assertGreater(load.answered, ROUNDS * 100);
      assertEquals(
        sumOf(samples, "gunicorn_worker_restart_total", { reason: "signal" }),
        ROUNDS * WORKERS,
      );
    },
  );
}
