/** Workers are killed under load, again and again, whatever the storage is. */
import {
  assertArrayIncludes,
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
} from "@std/assert";
import { scrapeConfigs } from "../../src/master/start_text.ts";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { externals } from "../support/externals.ts";
import { type Prometheus, startPrometheus } from "../support/prometheus.ts";
import { wasCutOff, wasNeverSent } from "../support/lost_connection.ts";
import { runGpe } from "../support/spawn.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  answerOnce,
  checkoutPath,
  childrenOf,
  pidIn,
  type Serving,
  startServing,
} from "../integration/serving.ts";
import { assertNoneLower, watchTotals } from "./totals.ts";

/** A storm of kills on the workers of a service. */
export interface Storm {
  /** What is killed, as the last line says it. */
  readonly what: string;
  /** How many processes are killed. */
  readonly kills: number;
  /** How many workers end with a process. */
  readonly ends?: number;
  /** How many requests are sent at least. */
  readonly requests?: number;
  /** Starts the service with {@linkcode WORKERS} workers. */
  readonly start: () => Promise<Serving>;
  /** Where a storage is written from time to time: then a kill may cost what was not yet written. */
  readonly buffered?: Buffered;
}

/** A storage that is written from time to time. */
export interface Buffered {
  /** What was counted in so many milliseconds before a kill may be lost. */
  readonly unwrittenMs: number;
  /** Flags of `gpe dump` that show what is stored at the end. */
  readonly dumpFlags: (serving: Serving) => readonly string[];
}

/** How many workers are under the storm. */
export const WORKERS = 4;

/** How many clients there are. */
export const CLIENTS = 8;

/** A process has to answer for so much longer before it is killed that most of it must be stored. */
const SETTLED_MS = 1500;

/** What the clients know. */
export interface Load {
  sent: number;
  answered: number;
  done: boolean;
  /** When each process answered, in milliseconds. */
  readonly answers: Map<number, number[]>;
}

/** A process that was killed. */
interface Kill {
  readonly pid: number;
  /** When, in milliseconds. */
  readonly at: number;
}

/** A load that has not begun. */
export function newLoad(): Load {
  return { sent: 0, answered: 0, done: false, answers: new Map() };
}

/**
 * A storm on `gpe serve`.
 *
 * @param redisUrl The server, where the storage is Redis.
 */
export function serveStorm(
  workerClass: "process" | "thread",
  kills: number,
  redisUrl?: string,
): Storm {
  const redisFlags = redisUrl === undefined ? [] : ["--redis-url", redisUrl];
  return {
    what: `a ${workerClass}`,
    kills,
    // Threads live and die with their one process.
    ends: workerClass === "thread" ? WORKERS : 1,
    start: () =>
      startServing(checkoutPath("tests/fixtures/apps/increments.ts"), {
        workers: WORKERS,
        flags: ["--worker-class", workerClass, ...redisFlags],
      }),
    ...redisUrl !== undefined && {
      buffered: {
        // The last interval, and while that was flushed: half a second, and some more where many
        // tests share the machine.
        unwrittenMs: 1000 + (Deno.env.get("GPE_FAULTS") === "full" ? 500 : 2000),
        dumpFlags: () => redisFlags,
      },
    },
  };
}

/** Runs a service through a storm, and checks every number that it shows. */
export async function survive(storm: Storm): Promise<void> {
  const { what, kills, ends = 1, requests = 0, buffered } = storm;
  await using serving = await storm.start();
  await using prometheus = externals.prometheus === undefined
    ? undefined
    : await startPrometheus(externals.prometheus, scrapeConfigs(urlAddress(serving.metrics)));
  const load = newLoad();
  const clients = Array.from({ length: CLIENTS }, () => sendRequests(serving, load));
  const watcher = watchTotals(serving, load);
  const killed: Kill[] = [];
  const rage = async (): Promise<void> => {
    try {
      for (let kill = 1; kill <= kills; kill++) {
        killed.push(await killOne(serving, load, kill * ends, buffered));
      }
      await waitFor(() => load.sent >= requests, { deadlineMs: 120_000, what: "all requests" });
    } finally {
      load.done = true;
    }
  };
  const [scrapes] = await Promise.all([watcher, rage(), ...clients]);
  assertGreaterOrEqual(scrapes, kills);

  const mayBeLost = buffered === undefined ? 0 : unflushed(load, killed, buffered);
  const last = await serving.scrape();
  if (prometheus === undefined) console.log("No prometheus is installed to watch");
  else await checkResets(prometheus, serving);
  const samples = buffered === undefined ? last : await pageAtEnd(serving, buffered, last);
  for (
    const name of [
      "test_work_total",
      "gunicorn_worker_requests_total",
      "gunicorn_worker_request_duration_seconds_count",
    ]
  ) {
    const counted = sumOf(samples, name);
    assertGreaterOrEqual(counted, load.answered - mayBeLost, name);
    assertLessOrEqual(counted, load.sent, name);
  }
  // What a kill cuts off is at most what was on its way then. A client may try again while the
  // kernel closes one listener of a process after the other.
  assertLessOrEqual(load.sent - load.answered, kills * ends * CLIENTS);
  assertEquals(sumOf(samples, "gunicorn_worker_restart_total", { reason: "signal" }), kills * ends);
  // The page's last guard would hide a total that went down: it must have had nothing to do.
  assertEquals(last.get("gpe_scrape_corrections_total"), 0);
  const counted = sumOf(samples, "test_work_total");
  console.log(
    `${kills} kills of ${what}, ${scrapes} pages: ${load.answered} answered, ` +
      `${counted} counted, ${load.sent} sent` +
      (buffered === undefined
        ? ""
        : `; ${Math.max(0, load.answered - counted)} lost, at most ${mayBeLost} may be`),
  );
}

function urlAddress(url: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(url);
  return { hostname, port: Number(port) };
}

/** Sends one request after the other, each on a connection of its own, until the load is done. */
export async function sendRequests(serving: Serving, load: Load): Promise<void> {
  while (!load.done) {
    load.sent++;
    try {
      const answer = await answerOnce(`${serving.app}/`);
      if (answer === undefined) continue;
      load.answered++;
      const pid = pidIn(answer);
      const times = load.answers.get(pid);
      if (times === undefined) load.answers.set(pid, [performance.now()]);
      else times.push(performance.now());
    } catch (error) {
      if (wasNeverSent(error)) load.sent--;
      else if (!wasCutOff(error)) throw error;
    }
  }
}

/**
 * Kills one of the workers and waits until another one is in its place, and the load went on.
 *
 * @param ended How many workers have ended then.
 * @param buffered Where the page shows late what happens, the worker is one that has answered for a
 * while.
 */
async function killOne(
  serving: Serving,
  load: Load,
  ended: number,
  buffered: Buffered | undefined,
): Promise<Kill> {
  const { gpe } = serving;
  const before = load.answered;
  await waitFor(() => load.answered > before + 50);
  const workers = await childrenOf(gpe.pid);
  const pid = buffered === undefined
    ? workers[ended % workers.length]!
    : await settled(load, workers, buffered.unwrittenMs + SETTLED_MS);
  const at = performance.now();
  Deno.kill(pid, "SIGKILL");
  await waitFor(async () => {
    if (startedIn(serving) < WORKERS + ended) return false;
    if (buffered === undefined) return true;
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_worker_restart_total") === ended &&
      sumOf(samples, "gunicorn_workers", { state: "running" }) === WORKERS;
  }, { what: () => `a worker in the place of the killed one; there is:\n${gpe.stderr}` });
  return { pid, at };
}

/** How many workers have come to run since the service was started. */
export function startedIn({ gpe }: Serving): number {
  return (gpe.stdout + gpe.stderr).match(/worker_\d+ is running/g)?.length ?? 0;
}

/** The first of these processes that has answered for a while. */
async function settled(
  { answers }: Load,
  pids: readonly number[],
  settledMs: number,
): Promise<number> {
  return await waitFor(() =>
    pids.find((pid) => performance.now() - (answers.get(pid)?.[0] ?? Infinity) > settledMs)
  );
}

/** How many answers the killed processes gave of which the storage may know nothing. */
function unflushed(
  { answers }: Load,
  killed: readonly Kill[],
  { unwrittenMs }: Buffered,
): number {
  let count = 0;
  for (const { pid, at } of killed) {
    for (const time of answers.get(pid) ?? []) if (time > at - unwrittenMs) count++;
  }
  return count;
}

/** What is stored when the service has stopped: then everything is flushed. */
async function pageAtEnd(
  serving: Serving,
  { dumpFlags }: Buffered,
  last: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  assertEquals((await serving.gpe.stop()).code, 0);
  const { code, stdout, stderr } = await runGpe(["dump", ...dumpFlags(serving)]);
  assertEquals([code, stderr], [0, ""]);
  const samples = parseExposition(stdout);
  const stored = [...last].filter(([key]) => /^(test|gunicorn_worker)_/.test(key));
  assertNoneLower(new Map(stored), samples);
  return samples;
}

/** Waits until Prometheus has seen the last page, and asks it for totals that fell. */
async function checkResets(prometheus: Prometheus, serving: Serving): Promise<void> {
  const expression = "sum(test_work_total)";
  await waitFor(
    async () =>
      await prometheus.query(expression) === sumOf(await serving.scrape(), "test_work_total"),
    { deadlineMs: 60_000, intervalMs: 100, what: "Prometheus to have the last page" },
  );
  const totals = await prometheus.totals();
  assertArrayIncludes(totals, ["test_size_sum", "gunicorn_worker_request_duration_seconds_bucket"]);
  for (const name of totals) {
    assertEquals(await prometheus.query(`max(resets(${name}[2h]))`), 0, name);
  }
}
