/**
 * A service is reloaded under load, again and again. Clients that keep their connections may not
 * notice; clients that connect anew may be reset before they got a byte, once for each worker that
 * stops listening; every answered request is in the totals.
 *
 * A few reloads in `deno task test`, many in `deno task faults`.
 */
import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { wasCutOff } from "../support/lost_connection.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  type KeptConnection,
  keptConnection,
  type Serving,
  startServing,
} from "../integration/serving.ts";

const RELOADS = Deno.env.get("GPE_FAULTS") === "full" ? 20 : 3;
const WORKERS = 2;
const KEEPING_CLIENTS = 8;
const CONNECTING_CLIENTS = 4;

/** What the clients know. */
interface Load {
  /** Answers on kept connections. */
  kept: number;
  /** Answers on connections of their own. */
  fresh: number;
  /** New connections that were reset before the first byte. */
  resets: number;
  done: boolean;
}

for (const workerClass of ["process", "thread"]) {
  Deno.test(
    `gpe serve fails no kept connection in ${RELOADS} reloads of each ${workerClass} under load`,
    () => reloadUnderLoad(workerClass),
  );
}

async function reloadUnderLoad(workerClass: string): Promise<void> {
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/increments.ts"), {
    workers: WORKERS,
    flags: ["--worker-class", workerClass],
  });
  const load: Load = { kept: 0, fresh: 0, resets: 0, done: false };
  const clients = [
    ...Array.from({ length: KEEPING_CLIENTS }, () => keepAsking(serving, load)),
    ...Array.from({ length: CONNECTING_CLIENTS }, () => keepConnecting(serving, load)),
  ];
  const reloading = async (): Promise<void> => {
    try {
      for (let reload = 1; reload <= RELOADS; reload++) await reloadOnce(serving, load, reload);
    } finally {
      load.done = true;
    }
  };
  await Promise.all([...clients, reloading()]);

  const restarts = RELOADS * WORKERS;
  console.log(
    `${RELOADS} reloads of each ${workerClass}, ${restarts} restarts: ${load.kept} answers on kept connections, ` +
      `0 failures; ${load.fresh} on new ones, ${load.resets} reset before the first byte`,
  );
  assertLessOrEqual(load.resets, restarts * (CONNECTING_CLIENTS + KEEPING_CLIENTS));
  const samples = await serving.scrape();
  // A connection that was reset before a byte came was never accepted: it is not in the totals.
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
  assertEquals(sumOf(samples, "gunicorn_master_signals_total", { signal: "hup" }), RELOADS);
  assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
}

/** Asks on one connection until the server says that it closes it, then on another. */
async function keepAsking(serving: Serving, load: Load): Promise<void> {
  while (!load.done) {
    const first = await firstAnswer(serving, load);
    using connection = first.connection;
    let kept = first.kept;
    while (kept && !load.done) {
      kept = await connection.request();
      load.kept++;
    }
  }
}

async function keepConnecting(serving: Serving, load: Load): Promise<void> {
  while (!load.done) (await firstAnswer(serving, load)).connection[Symbol.dispose]();
}

/** Connects and asks until there is an answer: up to then a connection may be reset. */
async function firstAnswer(serving: Serving, load: Load) {
  for (;;) {
    let connection: KeptConnection | undefined;
    try {
      connection = await keptConnection(serving.app);
      const kept = await connection.request();
      load.fresh++;
      return { connection, kept };
    } catch (error) {
      connection?.[Symbol.dispose]();
      if (!isReset(error)) throw error;
      load.resets++;
    }
  }
}

/** Whether the connection ended without a byte of an answer. */
function isReset(error: unknown): boolean {
  return wasCutOff(error) || error instanceof Deno.errors.NotConnected ||
    (error instanceof Error && error.message === 'The answer was cut off: ""');
}

async function reloadOnce(serving: Serving, load: Load, reload: number): Promise<void> {
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
