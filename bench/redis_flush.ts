/**
 * What a flush of a writer with 5,000 series takes from the app, with none, 100 or all of them
 * changed: processor time of the process, and the time until the server has acknowledged all.
 *
 * `deno run -A bench/redis_flush.ts PORT` is the contestant; `deno task bench` the contest.
 */
import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { externals } from "../tests/support/externals.ts";
import { openConnection } from "../tests/support/redis_connection.ts";
import { startRedis } from "../tests/support/redis_server.ts";
import { type Measured, measureWith, median, type PreparedContest } from "./support/contest.ts";
import { allocateSeries, openQuietWriter } from "./support/redis_series.ts";

const SERIES = 5000;
const FAMILIES = 20;
const CHANGED = [0, 100, SERIES] as const;
const ROUNDS = 5;
const WARM_UP = 50;
const FLUSHES = 60;

/** One percent of the second between flushes. */
const MOST_PROCESSOR_MS = 10;

if (import.meta.main) console.log(JSON.stringify(await flushRepeatedly(Number(Deno.args[0]))));

/** Needs redis-server. */
export async function prepare(): Promise<PreparedContest> {
  if (externals["redis-server"] === undefined) {
    const reason = "redis-server is missing";
    return { contest: undefined, reason, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const redis = await startRedis();
  const run = (): Promise<Measured> =>
    measureWith(Deno.execPath(), ["run", "-A", import.meta.url, `${redis.port}`]);
  return {
    contest: {
      title: `A flush to Redis, ${SERIES.toLocaleString("en")} series`,
      unit: "ms",
      rounds: ROUNDS,
      contestants: [{ name: "gpe", run }],
      figures: CHANGED.flatMap((changed) => [
        {
          what: `processor time, ${changed} changed`,
          ours: ["gpe", `processor ${changed}`],
          bar: { most: MOST_PROCESSOR_MS },
        },
        {
          what: `longest block of the event loop, ${changed} changed`,
          ours: ["gpe", `block ${changed}`],
        },
        { what: `until acknowledged, ${changed} changed`, ours: ["gpe", `elapsed ${changed}`] },
      ]),
    },
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

async function flushRepeatedly(port: number): Promise<Measured> {
  await using connection = await openConnection({ port });
  await using writer = openQuietWriter(connection, Deno.pid);
  const cells = allocateSeries(writer, SERIES, FAMILIES);
  const results: Record<string, number> = {};
  for (const changed of CHANGED) {
    const blocks: number[] = [];
    const elapsed: number[] = [];
    const processor: number[] = [];
    for (let round = 0; round < WARM_UP + FLUSHES; round++) {
      for (let i = 0; i < changed; i++) {
        const { values, index } = cells[i * SERIES / changed]!;
        values[index]! += 1;
      }
      // Watching takes processor time itself.
      if (round % 2 === 0) {
        const longest = await longestBlock(() => writer.flush());
        if (round >= WARM_UP) blocks.push(longest);
        continue;
      }
      const before = process.cpuUsage();
      const start = performance.now();
      await writer.flush();
      const end = performance.now();
      const { user, system } = process.cpuUsage(before);
      if (round < WARM_UP) continue;
      processor.push((user + system) / 1000);
      elapsed.push(end - start);
    }
    results[`block ${changed}`] = median(blocks);
    results[`processor ${changed}`] = median(processor);
    results[`elapsed ${changed}`] = median(elapsed);
  }
  return results;
}

/** How long other work waits at most while something is done, in milliseconds. */
async function longestBlock(work: () => Promise<void>): Promise<number> {
  let running = true;
  let longest = 0;
  let last = performance.now();
  const note = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const done = work().finally(() => running = false);
  note();
  while (running) {
    await setImmediate();
    note();
  }
  await done;
  return longest;
}
