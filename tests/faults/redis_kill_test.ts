/**
 * Workers end under load, with Redis as storage. A SIGKILL may cost what one unflushed interval
 * holds, nothing else; a worker that stops in order costs nothing. No total may go down by one bit.
 *
 * A few in `deno task test`, many in `deno task faults`.
 */
import { assertEquals } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { startRedis } from "../support/redis_server.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  type Serving,
  startServing,
  waitForEnd,
} from "../integration/serving.ts";
import { serveStorm, survive } from "./kill_storm.ts";
import { loadDuring, type StoppingLoad } from "./stopping_load.ts";
import { watchTotals } from "./totals.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const KILLS = { process: IS_FULL ? 300 : 3, thread: IS_FULL ? 75 : 1 };
/** How many times workers are stopped in each way. */
const ROUNDS = IS_FULL ? 10 : 1;
const WORKERS = 2;

for (const workerClass of ["process", "thread"] as const) {
  const kills = KILLS[workerClass];
  externalTest(
    `gpe serve on Redis loses an unflushed interval at most when a ${workerClass} is killed under load`,
    ["redis-server"],
    async () => {
      await using redis = await startRedis();
      await survive(serveStorm(workerClass, kills, redis.url));
    },
  );
}

for (const workerClass of ["process", "thread"]) {
  externalTest(
    `gpe serve on Redis loses nothing when a ${workerClass} stops in order under load`,
    ["redis-server"],
    () => stopInOrder(workerClass),
  );
}

async function stopInOrder(workerClass: string): Promise<void> {
  await using redis = await startRedis();
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/increments.ts"), {
    workers: WORKERS,
    flags: [
      ...["--redis-url", redis.url, "--worker-class", workerClass],
      ...["--max-requests", "1500", "--max-requests-jitter", "500"],
    ],
  });
  const watched = { done: false };
  const stopping = async (load: Readonly<StoppingLoad>): Promise<void> => {
    try {
      for (let round = 1; round <= ROUNDS; round++) await stopInEachWay(serving, load, round);
      await waitFor(async () => wornIn(await serving.scrape()) > 0);
    } finally {
      watched.done = true;
    }
  };
  const [scrapes, load] = await Promise.all([
    watchTotals(serving, watched),
    loadDuring(serving, stopping),
  ]);
  const answered = load.kept + load.fresh;
  let counted = 0;
  const samples = await waitFor(async () => {
    const samples = await serving.scrape();
    counted = sumOf(samples, "test_work_total");
    return counted >= answered && samples;
  }, { what: () => `${answered} counted; there are ${counted}` });
  for (const name of ["test_work_total", "gunicorn_worker_requests_total"]) {
    assertEquals(sumOf(samples, name), answered, name);
  }
  assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
  const restarts = sumOf(samples, "gunicorn_worker_restart_total");
  const worn = wornIn(samples);
  console.log(
    `${restarts} workers stopped in order, worker class ${workerClass}, ${worn} of them by the number ` +
      `of requests, ${scrapes} pages: ${answered} answered and counted, ${load.resets} connections ` +
      `reset before the first byte, ${load.cut} kept ones`,
  );
}

/** How many workers were stopped for the number of their requests. */
function wornIn(samples: ReadonlyMap<string, number>): number {
  return sumOf(samples, "gunicorn_worker_restart_total", { reason: "max_requests" });
}

/** A worker gets SIGTERM; all are replaced at SIGHUP; one more comes and goes. */
async function stopInEachWay(
  serving: Serving,
  load: Readonly<StoppingLoad>,
  round: number,
): Promise<void> {
  const { pid } = serving.gpe;
  await moreLoad(load);
  const workers = await childrenOf(pid);
  const worker = workers[round % workers.length]!;
  Deno.kill(worker, "SIGTERM");
  await waitForEnd([worker]);
  await allRunning(serving, WORKERS);
  for (
    const [signal, running] of [["HUP", WORKERS], ["TTIN", WORKERS + 1], ["TTOU", WORKERS]] as const
  ) {
    await moreLoad(load);
    Deno.kill(pid, `SIG${signal}`);
    await waitFor(async () =>
      sumOf(await serving.scrape(), "gunicorn_master_signals_total", {
        signal: signal.toLowerCase(),
      }) === round
    );
    await allRunning(serving, running);
  }
}

async function moreLoad(load: Readonly<StoppingLoad>): Promise<void> {
  const before = load.kept + load.fresh;
  await waitFor(() => load.kept + load.fresh > before + 500);
}

async function allRunning(serving: Serving, wanted: number): Promise<void> {
  await waitFor(async () => {
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_workers", { state: "running" }) === wanted;
  }, { what: () => `${wanted} running workers; there is:\n${serving.gpe.stderr}` });
}
