/**
 * Workers are killed under load, again and again. No request that was answered may be missing from
 * the totals, none that was never sent may be in them, and no total may ever go down by one bit.
 *
 * A few kills in `deno task test`, many in `deno task faults`.
 */
import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
} from "@std/assert";
import { scrapeConfigs } from "../../src/master/start_text.ts";
import { sumOf } from "../support/exposition.ts";
import { externals } from "../support/externals.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { wasCutOff, wasNeverSent } from "../support/lost_connection.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  requestOnce,
  type Serving,
  startServing,
} from "../integration/serving.ts";

/** A storm of kills on one class of workers. */
interface Storm {
  readonly workerClass: "process" | "thread";
  /** How many processes are killed. */
  readonly kills: number;
  /** How many workers each kill ends. */
  readonly ends: number;
}

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const WORKERS = 4;
const STORMS: readonly Storm[] = [
  { workerClass: "process", kills: IS_FULL ? 300 : 20, ends: 1 },
  // Threads live and die with their one process.
  { workerClass: "thread", kills: IS_FULL ? 75 : 3, ends: WORKERS },
];
const CLIENTS = 8;

/** Everything that only ever grows. */
const TOTAL = /^[^{]+(_total|_sum|_count|_bucket)(\{|$)/;

/** What the clients know. */
interface Load {
  sent: number;
  answered: number;
  done: boolean;
}

for (const storm of STORMS) {
  const { workerClass, kills } = storm;
  Deno.test(
    `gpe serve loses no counted request when a ${workerClass} is killed ${kills} times under load`,
    () => survive(storm),
  );
}

async function survive({ workerClass, kills, ends }: Storm): Promise<void> {
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/increments.ts"), {
    workers: WORKERS,
    flags: ["--worker-class", workerClass],
  });
  await using prometheus = externals.prometheus === undefined
    ? undefined
    : await startPrometheus(externals.prometheus, scrapeConfigs(urlAddress(serving.metrics)));
  const load: Load = { sent: 0, answered: 0, done: false };
  const clients = Array.from({ length: CLIENTS }, () => sendRequests(serving, load));
  const watcher = watchTotals(serving, load);
  try {
    for (let kill = 1; kill <= kills; kill++) await killOne(serving, load, kill, ends);
  } finally {
    load.done = true;
  }
  await Promise.all(clients);
  const scrapes = await watcher;
  assertGreaterOrEqual(scrapes, kills);

  const samples = await serving.scrape();
  for (
    const name of [
      "test_work_total",
      "gunicorn_worker_requests_total",
      "gunicorn_worker_request_duration_seconds_count",
    ]
  ) {
    const counted = sumOf(samples, name);
    assertGreaterOrEqual(counted, load.answered, name);
    assertLessOrEqual(counted, load.sent, name);
  }
  // What a kill cuts off is at most what was on its way then. A client may try again while the
  // kernel closes one listener of a process after the other.
  assertLessOrEqual(load.sent - load.answered, kills * ends * CLIENTS);
  assertEquals(sumOf(samples, "gunicorn_worker_restart_total", { reason: "signal" }), kills * ends);
  // The page's last guard would hide a total that went down: it must have had nothing to do.
  assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
  console.log(
    `${kills} kills of a ${workerClass}, ${scrapes} pages: ${load.answered} answered, ` +
      `${sumOf(samples, "test_work_total")} counted, ${load.sent} sent`,
  );
  if (prometheus === undefined) return console.log("No prometheus is installed to watch");
  await prometheus.waitForAnswer("sum(test_work_total)", sumOf(samples, "test_work_total"));
  const totals = await prometheus.totals();
  assertArrayIncludes(totals, ["test_size_sum", "gunicorn_worker_request_duration_seconds_bucket"]);
  for (const name of totals) {
    assertEquals(await prometheus.query(`max(resets(${name}[2h]))`), 0, name);
  }
}

function urlAddress(url: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(url);
  return { hostname, port: Number(port) };
}

async function sendRequests(serving: Serving, load: Load): Promise<void> {
  while (!load.done) {
    load.sent++;
    try {
      if (await requestOnce(`${serving.app}/`)) load.answered++;
    } catch (error) {
      if (wasNeverSent(error)) load.sent--;
      else if (!wasCutOff(error)) throw error;
    }
  }
}

/** Kills one of the workers and waits until another one is in its place, and the load went on. */
async function killOne(serving: Serving, load: Load, kill: number, ends: number): Promise<void> {
  const before = load.answered;
  await waitFor(() => load.answered > before + 50);
  const workers = await childrenOf(serving.gpe.pid);
  Deno.kill(workers[kill % workers.length]!, "SIGKILL");
  await waitFor(async () => {
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_worker_restart_total") === kill * ends &&
      sumOf(samples, "gunicorn_workers", { state: "running" }) === WORKERS;
  }, { what: `a worker in the place of the killed one; there is:\n${serving.gpe.stderr}` });
}

/** Scrapes without pause and compares each page with the one before. @returns how many pages */
async function watchTotals(serving: Serving, load: Load): Promise<number> {
  let scrapes = 0;
  let last = new Map<string, number>();
  do {
    const page = await serving.scrape();
    for (const [key, value] of last) {
      if (!TOTAL.test(key)) continue;
      const now = page.get(key);
      assert(now !== undefined && now >= value, `${key} was ${value} and is ${now}`);
    }
    last = page;
    scrapes++;
  } while (!load.done);
  return scrapes;
}
