/**
 * Redis goes away under load, again and again, with its data or without. The application notices
 * nothing; when Redis is back, every total is exact, and none was ever lower.
 *
 * A few outages in `deno task test`, many and long ones in `deno task faults`.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { type RedisServer, startRedis } from "../support/redis_server.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  type Serving,
  startServing,
  waitForEnd,
} from "../integration/serving.ts";
import { type Page, PageWatch } from "./redis_pages.ts";
import { quantile, SteadyLoad } from "./steady_load.ts";

/** How Redis goes away and comes back. */
interface Outage {
  readonly seconds: number;
  /** `SIGSTOP`: it accepts connections and says nothing. */
  readonly signal: "SIGKILL" | "SIGSTOP";
  /** Whether it has lost everything when it is back. */
  readonly loses: boolean;
}

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const APP = checkoutPath("tests/fixtures/apps/increments.ts");
const KEEPS_DATA = ["--appendonly", "yes"];
const RATE = 300;

const KINDS: readonly Omit<Outage, "seconds">[] = [
  { signal: "SIGKILL", loses: false },
  { signal: "SIGSTOP", loses: true },
  { signal: "SIGSTOP", loses: false },
  { signal: "SIGKILL", loses: true },
];
/** In the full form of 1 to 20 seconds each, so that every kind has short and long ones. */
const OUTAGES: readonly Outage[] = Array.from({ length: IS_FULL ? 20 : 3 }, (_, i) => ({
  ...KINDS[i % KINDS.length]!,
  seconds: IS_FULL ? 7 * i % 20 + 1 : 1 + i / 2,
}));
/** Workers may need so much more memory after all outages than after the first, in bytes. */
const MEMORY_BYTES = 64 * 2 ** 20;
/** What is counted for each request. */
const COUNTED = [
  "test_work_total",
  "gunicorn_worker_requests_total",
  "gunicorn_worker_request_duration_seconds_count",
];

/** When an outage was, in milliseconds. */
interface Span {
  readonly from: number;
  readonly to: number;
}

externalTest(
  `gpe serve fails no request and loses no total in ${OUTAGES.length} outages of Redis`,
  ["redis-server"],
  async () => {
    await using redis = await startRedis(KEEPS_DATA);
    await using serving = await startServing(APP, { flags: ["--redis-url", redis.url] });
    await using control = await startServing(APP);
    await using load = new SteadyLoad([`${serving.app}/`, `${control.app}/`], RATE);
    await using pages = new PageWatch(serving, control);
    const workers = await childrenOf(serving.gpe.pid);
    await untilExact(serving, load, pages);
    const spans: Span[] = [];
    const memory: number[] = [];
    for (const outage of OUTAGES) {
      const span = await goThrough(redis, outage, pages);
      spans.push(span);
      await untilExact(serving, load, pages);
      assertDisconnected(pages, span, outage);
      memory.push(Math.max(...await Promise.all(workers.map(residentBytes))));
    }
    assertEquals(load.failures, 0);
    assertEquals(await childrenOf(serving.gpe.pid), workers);
    assertLessOrEqual(memory.at(-1)! - memory[0]!, MEMORY_BYTES);
    const isAmid = ({ at }: { at: number }): boolean =>
      spans.some(({ from, to }) => at >= from && at < to);
    const amid = load.asked.filter(isAmid);
    const times = [0, 1].map((target) =>
      amid.flatMap((one) => one.target === target ? [one.tookMs!] : [])
    );
    const [onRedis, onFiles] = times as [number[], number[]];
    const ratio = quantile(onRedis, .99) / quantile(onFiles, .99);
    console.log(
      `${OUTAGES.length} outages of Redis, ${pages.count} pages, ${pages.without.length} without ` +
        `Redis: ${load.asked.length} requests, 0 failed; memory of a worker ` +
        `${memory.map(megabytes).join(", ")}; during outages p50 ${latency(onRedis, .5)} and ` +
        `p99 ${latency(onRedis, .99)} of ${onRedis.length}, with files ${
          latency(onFiles, .5)
        } and ` +
        `${latency(onFiles, .99)} of ${onFiles.length}: p99 is ${ratio.toFixed(2)} times that`,
    );
    if (IS_FULL) assertLessOrEqual(ratio, 1.2);
  },
);

// What a live writer had written is shown for half a minute after its loss: not in the short form.
for (const loses of IS_FULL ? [false, true] : [false]) {
  externalTest(
    `gpe serve is exact when a worker is killed while Redis is away${
      loses ? " and loses its data" : ""
    }`,
    ["redis-server"],
    () => killAmidOutage(loses),
  );
}

async function killAmidOutage(loses: boolean): Promise<void> {
  await using redis = await startRedis(KEEPS_DATA);
  await using serving = await startServing(APP, { flags: ["--redis-url", redis.url] });
  await using load = new SteadyLoad([`${serving.app}/`], RATE);
  await using pages = new PageWatch(serving);
  const workers = await childrenOf(serving.gpe.pid);
  await waitFor(() => load.answersBy().size === workers.length);
  await untilExact(serving, load, pages);
  const stored = load.answersBy();
  const victim = workers[0]!;
  pages.forgives = loses;
  await goThrough(
    redis,
    { seconds: IS_FULL ? 10 : 1, signal: "SIGKILL", loses },
    pages,
    async () => {
      const before = load.answersBy().get(victim)!;
      await waitFor(() => load.answersBy().get(victim)! > before + 20);
      Deno.kill(victim, "SIGKILL");
      await waitForEnd([victim]);
      await waitFor(async () => (await childrenOf(serving.gpe.pid)).length === workers.length);
    },
  );
  await load.pause();
  const answers = load.answersBy();
  const live = [...answers].reduce((sum, [pid, count]) => pid === victim ? sum : sum + count, 0);
  // Of the dead worker there is what it had flushed before the outage, and nothing where that was lost.
  const least = loses ? live : live + stored.get(victim)!;
  const most = loses ? live : live + answers.get(victim)! + load.failures;
  let page: Page | undefined;
  await waitFor(async () => {
    page = await pages.next();
    return page.connected && sumOf(page.samples, "test_work_total") >= least &&
      (!loses || sumOf(page.samples, "test_work_total") === live);
  }, { deadlineMs: 60_000, what: () => `${least} to ${most} counted; there is ${describe(page)}` });
  for (const name of COUNTED) {
    const counted = sumOf(page!.samples, name);
    assertGreaterOrEqual(counted, least, name);
    assertLessOrEqual(counted, most, name);
  }
  console.log(
    `A worker killed amid an outage, data ${
      loses ? "lost" : "kept"
    }: ${least} to ${most} expected, ` +
      `${sumOf(page!.samples, "test_work_total")} counted; ${load.failures} requests failed`,
  );
}

externalTest(
  "gpe serve is exact after outages longer than the life of its writers",
  ["redis-server"],
  async () => {
    const [ttl, seconds] = IS_FULL ? ["5", 20] : ["1", 2];
    await using redis = await startRedis(KEEPS_DATA);
    await using serving = await startServing(APP, {
      flags: ["--redis-url", redis.url],
      env: { REDIS_TTL_SECONDS: ttl },
    });
    await using load = new SteadyLoad([`${serving.app}/`], RATE);
    await using pages = new PageWatch(serving);
    for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
      await untilExact(serving, load, pages);
      await goThrough(redis, { seconds, signal, loses: false }, pages);
    }
    await untilExact(serving, load, pages);
    const page = await waitFor(async () => {
      const page = await pages.next();
      const writers = (state: string) => sumOf(page.samples, "gpe_writers", { state });
      return writers("live") === 3 && writers("dead") === 0 && page;
    }, { what: () => `three live writers; there is ${describe(pages.last)}` });
    assertEquals(load.failures, 0);
    console.log(
      `Two outages of ${seconds} s with a TTL of ${ttl} s: ${load.asked.length} counted; flushes refused ` +
        sumOf(page.samples, "gpe_redis_flushes_total", { result: "refused" }),
    );
  },
);

/** Lets Redis go away and come back, and waits until the page has it again. */
async function goThrough(
  redis: RedisServer,
  { seconds, signal, loses }: Outage,
  pages: PageWatch,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<Span> {
  const from = performance.now();
  if (signal === "SIGKILL") await redis.kill();
  else Deno.kill(redis.pid, "SIGSTOP");
  // Not a condition: how long the outage is.
  await Promise.all([new Promise((resolve) => setTimeout(resolve, seconds * 1000)), meanwhile()]);
  const to = performance.now();
  if (signal === "SIGSTOP" && !loses) Deno.kill(redis.pid, "SIGCONT");
  else {
    if (signal === "SIGSTOP") await redis.kill();
    if (loses) await empty(redis.directory);
    await redis.start();
  }
  await waitFor(async () => (await pages.next()).connected, {
    what: () => `Redis to be back on the page; there is ${describe(pages.last)}`,
  });
  return { from, to };
}

async function empty(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    await Deno.remove(`${directory}/${name}`, { recursive: true });
  }
}

/** Stops the load until the page shows exactly what was answered, by workers that all live. */
async function untilExact(serving: Serving, load: SteadyLoad, pages: PageWatch): Promise<void> {
  await load.pause();
  const wanted = load.asked.filter(({ target, pid }) => target === 0 && pid !== undefined).length;
  await waitFor(async () => {
    const { samples } = await pages.next();
    return samples.get("gpe_redis_flushing") === 1 &&
      COUNTED.every((name) => {
        const counted = sumOf(samples, name);
        if (counted > wanted) throw new Error(`${name} is ${counted}, above ${wanted}`);
        return counted === wanted;
      });
  }, {
    deadlineMs: 60_000,
    what: () => `${wanted} counted; there is ${describe(pages.last)}; log:\n${serving.gpe.stderr}`,
  });
  load.resume();
}

/** Pages of the outage say so: at once when Redis refuses connections, after a while when it is silent. */
function assertDisconnected(pages: PageWatch, { from, to }: Span, { signal }: Outage): void {
  const SILENCE_MS = 7000;
  const seen = pages.without.some((page) => page.to > from && page.from < to);
  assert(
    seen || signal === "SIGSTOP" && to - from < SILENCE_MS,
    `no page of an outage of ${Math.round(to - from)} ms, ${signal}, was without Redis`,
  );
}

function describe(page: Page | undefined): string {
  return JSON.stringify(
    [...page?.samples ?? []].filter(([key]) => /^(test_work|gpe_|gunicorn_sidecar)/.test(key)),
  );
}

async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function latency(times: readonly number[], share: number): string {
  return `${quantile(times, share).toFixed(2)} ms`;
}
