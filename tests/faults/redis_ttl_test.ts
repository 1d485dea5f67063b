/**
 * What expires, and what must not: silence is not death as long as a writer lives, the totals of a
 * host that vanished stay, and of a deployment that is gone nothing is left in the end.
 *
 * With short lives in `deno task test`, longer ones in `deno task faults`.
 */
import { assertEquals, assertGreater, assertStrictEquals } from "@std/assert";
import type { RedisConnection } from "../../src/storage/redis/connection.ts";
import { sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { keysLeft } from "../support/redis_retiring.ts";
import { type RedisServer, startRedis } from "../support/redis_server.ts";
import { type Spawned, spawnGpe } from "../support/spawn.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  repeat,
  requestOnce,
  scrapePage,
  type Serving,
  startServing,
} from "../integration/serving.ts";
import {
  assertTotals,
  connectTo,
  type ProgramOptions,
  retireAlways,
  startProgram,
  waitForGauges,
  waitForRetired,
  watchPages,
} from "./redis_program.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const TTL_MS = IS_FULL ? 3000 : 1000;
const LIFE_MS = IS_FULL ? 10_000 : 3000;
const APP = checkoutPath("tests/fixtures/apps/increments.ts");
const KINDS = ["tenth", "tiny", "huge"].map((kind) => `test_amount_total{"kind":"${kind}"}`);
/** Everything that only ever grows. */
const TOTAL = /^(test|gunicorn)_[^{]+(_total|_sum|_count|_bucket)(\{|$)/;

function programOn({ port }: RedisServer, more: Partial<ProgramOptions> = {}): ProgramOptions {
  const redis = { host: "127.0.0.1", port };
  return { redis, items: 20, seed: 1, ttlMs: TTL_MS, flushIntervalMs: 100, ...more };
}

/** The keys that hold data, or say what there is, with the time that each has left. */
async function dataKeysOf(connection: RedisConnection): Promise<[key: string, ms: number][]> {
  const keys = [...await keysLeft({ connection, keyPrefix: "gunicorn" })];
  return keys.filter(([key]) => !/:gpe:(alive|lease|tombstone)(:|$)/.test(key));
}

async function waitUntil(end: number): Promise<void> {
  await waitFor(() => performance.now() >= end, { deadlineMs: 10 * LIFE_MS, intervalMs: 50 });
}

externalTest(
  "A writer that is idle for three of its lives still counts, with all its data",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    const options = programOn(server, { dataLifeMs: LIFE_MS });
    await using program = await startProgram(options);
    await using watch = await watchPages(options.redis);
    await using _retirer = await retireAlways(options.redis, TTL_MS, { dataLifeMs: LIFE_MS });
    const answer = await program.send("flush");
    await waitUntil(performance.now() + Math.max(3 * TTL_MS, 1.5 * LIFE_MS));
    assertTotals(await watch.next(), [answer]);
    await waitForGauges(watch, [program]);
    assertTotals(await watch.next(), [answer]);
  },
);

for (const lifeMs of [LIFE_MS, 0]) {
  externalTest(
    lifeMs > 0
      ? "Keys of a deployment that is gone disappear in the end"
      : "Keys of a deployment that is gone stay when their life is for ever",
    ["redis-server"],
    async () => {
      await using server = await startRedis();
      const options = programOn(server, { dataLifeMs: lifeMs });
      await using connection = await connectTo(options.redis);
      const dataKeys = () => dataKeysOf(connection);
      await using retired = await startProgram(options);
      await using last = await startProgram(options);
      {
        await using retirer = await retireAlways(options.redis, TTL_MS, { dataLifeMs: lifeMs });
        await retired[Symbol.asyncDispose]();
        retirer.declareDead(retired.incarnation);
        await waitForRetired(connection, "gunicorn", retired);
      }
      await last[Symbol.asyncDispose]();
      const left = await dataKeys();
      assertGreater(left.length, 20);
      assertEquals(left.filter(([, ms]) => lifeMs > 0 ? ms <= 0 : ms !== -1), []);
      if (lifeMs === 0) return;
      await waitFor(async () => (await dataKeys()).length === 0, {
        deadlineMs: 20 * lifeMs,
        what: "the end of all data",
      });
      for (const [key, ms] of await keysLeft({ connection, keyPrefix: "gunicorn" })) {
        assertEquals([key.includes(":gpe:tombstone:"), ms > 0], [true, true], key);
      }
    },
  );
}

/** Kills a master and its workers at once: nobody of them can say a word. */
async function vanish(serving: Serving): Promise<void> {
  const { pid } = serving.gpe;
  Deno.kill(pid, "SIGSTOP");
  for (const worker of await childrenOf(pid)) Deno.kill(worker, "SIGKILL");
  Deno.kill(pid, "SIGKILL");
  await serving.gpe.status;
}

async function startExporter(server: RedisServer, env: Record<string, string>): Promise<Spawned> {
  const bind = ["--metrics-bind", "127.0.0.1", "--metrics-port", "0"];
  return await spawnGpe(["exporter", "--redis-url", server.url, ...bind], { env });
}

for (const survivor of ["another master", "an exporter"]) {
  externalTest(
    `The totals of a host that vanished stay, ${survivor} retires its writers`,
    ["redis-server"],
    async () => {
      await using server = await startRedis();
      const isForEver = survivor === "another master";
      const env = {
        REDIS_TTL_SECONDS: `${TTL_MS / 1000}`,
        REDIS_TTL_DISABLED: `${isForEver}`,
      };
      const flags = ["--redis-url", server.url];
      await using stack = new AsyncDisposableStack();
      let page: string;
      let others = 0;
      if (survivor === "an exporter") {
        const exporter = stack.use(await startExporter(server, env));
        page = (await exporter.waitForOutput(/(http:\/\/\S+\/metrics)/))[1]!;
      } else {
        page = stack.use(await startServing(APP, { flags, env })).metrics;
        others = 3;
      }
      const vanishing = stack.use(await startServing(APP, { flags, env }));
      await repeat(200, 8, async () => void await requestOnce(`${vanishing.app}/`));
      let samples = new Map<string, number>();
      const scrape = async (): Promise<Map<string, number>> => {
        const next = await scrapePage(page);
        for (const [series, before] of samples) {
          const now = next.get(series) ?? -Infinity;
          if (TOTAL.test(series) && now < before) {
            throw new Error(`${series} was ${before}, is ${now}`);
          }
        }
        return samples = next;
      };
      const check = async <T>(condition: () => T, what: string): Promise<void> => {
        let failure: unknown;
        await waitFor(async () => {
          try {
            await scrape();
          } catch (error) {
            failure = error;
            return true;
          }
          return condition();
        }, { deadlineMs: 120_000, intervalMs: 20, what });
        if (failure !== undefined) throw failure;
      };
      const live = (): number => samples.get('gpe_writers{"state":"live"}') ?? 0;
      await check(() => sumOf(samples, "test_work_total") === 200, "all requests");
      const before = KINDS.map((series) => samples.get(series));
      assertGreater(before[0] ?? 0, 19);

      await vanish(vanishing);
      await check(() => live() === others, "the silence of the host to be noticed");
      await check(() => samples.get('gpe_writers{"state":"dead"}') === 0, "retired writers");
      KINDS.forEach((series, i) => assertStrictEquals(samples.get(series), before[i], series));
      assertEquals(sumOf(samples, "test_work_total"), 200);
      assertEquals(sumOf(samples, "gunicorn_workers", { state: "running" }), others && 2);
      const uptimes = [...samples.keys()].filter((key) => /worker_uptime_seconds/.test(key));
      assertEquals(uptimes.length, others && 2);
      assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
      await using connection = await connectTo({ host: "127.0.0.1", port: server.port });
      const left = await dataKeysOf(connection);
      assertGreater(left.length, 10);
      assertEquals(left.filter(([, ms]) => (ms === -1) !== isForEver), []);
    },
  );
}
