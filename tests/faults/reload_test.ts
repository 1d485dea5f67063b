/**
 * A service is reloaded under load, again and again. Every answered request is in the totals.
 *
 * A few reloads in `deno task test`, many in `deno task faults`.
 */
import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, type Serving, startServing } from "../integration/serving.ts";
import { startCluster } from "../integration/node_serving.ts";
import { CLIENTS, loadDuring, type StoppingLoad } from "./stopping_load.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const RELOADS = IS_FULL ? 20 : 3;
const NODE_RELOADS = IS_FULL ? 10 : 1;
const WORKERS = 2;

for (const workerClass of ["process", "thread"]) {
  const start = (): Promise<Serving> =>
    startServing(checkoutPath("tests/fixtures/apps/increments.ts"), {
      workers: WORKERS,
      flags: ["--worker-class", workerClass],
    });
  Deno.test(
    `gpe serve fails no kept connection in ${RELOADS} reloads of each ${workerClass} under load`,
    () => reloadUnderLoad(workerClass, start, RELOADS, RELOADS * WORKERS * CLIENTS),
  );
}

Deno.test(`a cluster on Node fails no connection in ${NODE_RELOADS} reloads under load`, async () => {
  const start = (): Promise<Serving> => startCluster([20, "mapped"], { workers: WORKERS });
  await reloadUnderLoad("worker on Node", start, NODE_RELOADS, 0);
});

/** @param resets How many new connections may be reset before they are used. */
async function reloadUnderLoad(
  what: string,
  start: () => Promise<Serving>,
  reloads: number,
  resets: number,
): Promise<void> {
  await using serving = await start();
  const load = await loadDuring(serving, async (load) => {
    for (let reload = 1; reload <= reloads; reload++) await reloadOnce(serving, load, reload);
  });

  const restarts = reloads * WORKERS;
  console.log(
    `${reloads} reloads of each ${what}, ${restarts} restarts: ${load.kept} answers on kept connections, ` +
      `${load.cut} failures; ${load.fresh} on new ones, ${load.resets} reset before the first byte`,
  );
  assertEquals(load.cut, 0, "kept connections that ended without a word");
  assertLessOrEqual(load.resets, resets);
  const samples = await serving.scrape();
  for (const name of ["test_work_total", "gunicorn_worker_requests_total"]) {
    assertEquals(sumOf(samples, name), load.kept + load.fresh, name);
  }
  assertEquals(sumOf(samples, "gunicorn_worker_restart_total"), restarts);
  assertEquals(
    sumOf(samples, "gunicorn_worker_restart_count_total", {
      reason: "hup",
      restart_type: "graceful",
    }),
    restarts,
  );
  assertEquals(sumOf(samples, "gunicorn_master_signals_total", { signal: "hup" }), reloads);
  assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
}

async function reloadOnce(
  serving: Serving,
  load: Readonly<StoppingLoad>,
  reload: number,
): Promise<void> {
  const before = load.kept + load.fresh;
  await waitFor(() => load.kept + load.fresh > before + 100);
  Deno.kill(serving.gpe.pid, "SIGHUP");
  await waitFor(async () => {
    const samples = await serving.scrape();
    const running = sumOf(samples, "gunicorn_workers", { state: "running" });
    assertGreater(running, 0);
    return running === WORKERS &&
      sumOf(samples, "gunicorn_worker_restart_total") === reload * WORKERS;
  }, { what: () => `the end of reload ${reload}; there is:\n${serving.gpe.stderr}` });
}
