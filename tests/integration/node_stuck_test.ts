/** A worker that is stuck in an endless loop, seen by our endpoint and by prom-client's aggregator. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { freePort } from "../support/free_port.ts";
import { parseExposition } from "../support/exposition.ts";
import { waitFor } from "../support/wait_for.ts";
import { startCluster } from "./node_serving.ts";
import { answerOnce, pidIn, repeat, requestOnce } from "./serving.ts";

const WORKERS = 4;

Deno.test("a worker in an endless loop does not delay a scrape, and fails prom-client's own after 5 s", async () => {
  const aggregatorPort = freePort();
  await using serving = await startCluster([22, "mapped"], {
    workers: WORKERS,
    program: "beside_prom_client.mjs",
    env: { AGGREGATOR_PORT: `${aggregatorPort}` },
    // Nobody ends it.
    options: { timeoutMs: 0 },
  });
  const aggregator = `http://127.0.0.1:${aggregatorPort}/`;
  await repeat(100, 4, async () => assert(await requestOnce(`${serving.app}/`)));
  // While all is well, both say the same.
  const theirs = await (await fetch(aggregator)).text();
  assertEquals(sumOf(parseExposition(theirs), "test_theirs_total"), 100);
  assertEquals((await serving.scrape()).get("test_ours_total"), 100);

  const abort = new AbortController();
  const unanswered: Promise<unknown>[] = [];
  let answered = 0;
  const ask = (path: string): void =>
    void unanswered.push(
      fetch(`${serving.app}${path}`, {
        signal: abort.signal,
        headers: { connection: "close" },
      }).then(async (response) => {
        await response.text();
        answered++;
      }).catch(() => "cut off"),
    );
  ask("/hang");
  await serving.gpe.waitForOutput(/hanging/);
  const asked = performance.now();
  let theirsMs: number | undefined;
  const failure = fetch(aggregator).then(async (response) => {
    theirsMs = performance.now() - asked;
    return [response.status, await response.text()];
  });
  // The others go on, though the stuck one is handed one more connection; and the page has what it
  // counted before it got stuck.
  for (let i = 0; i < 61; i++) ask("/");
  await waitFor(() => answered === 60);
  let longestMs = 0;
  let pages = 0;
  do {
    const started = performance.now();
    const samples = await serving.scrape();
    longestMs = Math.max(longestMs, performance.now() - started);
    pages++;
    assertEquals(samples.get("test_ours_total"), 161);
    assertEquals(sumOf(samples, "gunicorn_workers", { state: "running" }), WORKERS);
  } while (theirsMs === undefined);
  assertEquals(await failure, [500, "Operation timed out."]);
  assertGreater(theirsMs, 4900);
  // A page takes a few milliseconds; this is for machines that do much else.
  assertLess(longestMs, theirsMs / 2);
  console.log(
    `A worker hangs: ${pages} pages of ours, the slowest after ${Math.ceil(longestMs)} ms; ` +
      `prom-client's failed after ${Math.round(theirsMs)} ms`,
  );
  abort.abort();
  await Promise.all(unanswered);
});

Deno.test("a primary replaces a worker in an endless loop, and keeps what it has counted", async () => {
  await using serving = await startCluster([20, "mapped"], {
    workers: 2,
    options: { timeoutMs: 5000 },
  });
  const pids = new Set<number>();
  let answered = 0;
  await waitFor(async () => {
    pids.add(pidIn((await answerOnce(`${serving.app}/`))!));
    answered++;
    return pids.size === 2;
  });
  const hanging = fetch(`${serving.app}/hang`).catch(() => "cut off");
  await serving.gpe.waitForOutput(/hanging/);
  await serving.gpe.waitForOutput(/timed out and was killed: its event loop did not turn any more/);
  assertEquals(await hanging, "cut off");
  const samples = await waitFor(async () => {
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_workers", { state: "running" }) === 2 && samples;
  });
  assertEquals(samples.get("test_work_total"), answered);
  // On a busy machine a start may have taken too long as well.
  assertGreater(sumOf(samples, "gunicorn_worker_restart_total", { reason: "timeout" }), 0);
});
