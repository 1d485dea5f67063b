/**
 * `deno task bench [NAME…]`: all benchmarks, side by side with the peers, as tables with the bar of
 * each figure. Exits 1 when a bar is missed or a benchmark could not be run.
 */
import os from "node:os";
import { prepare as clusterScrape } from "./cluster_scrape.ts";
import { prepare as hotPath } from "./hot_path.ts";
import { prepare as redisFlush } from "./redis_flush.ts";
import { prepare as redisRequests } from "./redis_requests.ts";
import { prepare as redisScrape } from "./redis_scrape.ts";
import { prepare as scrape } from "./scrape.ts";
import { hold, type PreparedContest, resultTable } from "./support/contest.ts";
import { prepare as workerOverhead } from "./worker_overhead.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<PreparedContest>>> = {
  cluster_scrape: clusterScrape,
  hot_path: hotPath,
  scrape,
  redis_flush: redisFlush,
  redis_requests: redisRequests,
  redis_scrape: redisScrape,
  worker_overhead: workerOverhead,
};

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !(name in BENCHMARKS));
  if (unknown.length > 0) {
    console.error(
      `Cannot run benchmarks: there is no ${JSON.stringify(unknown[0])}, ` +
        `expected ${Object.keys(BENCHMARKS).join(", ")}`,
    );
    return 2;
  }
  console.log(machine());
  let good = true;
  for (const [name, prepare] of Object.entries(BENCHMARKS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    await using prepared = await prepare();
    const { contest, reason } = prepared;
    if (contest === undefined) {
      console.log(`\n## ${name}\n\nNot run: ${reason}`);
      good = false;
      continue;
    }
    console.log(`\n## ${contest.title}\n\nMedians of ${contest.rounds} rounds, in turns.\n`);
    const results = await hold(contest);
    console.log(resultTable(contest, results));
    if (contest.note !== undefined) console.log(`\n${contest.note}`);
    good &&= results.every(({ met }) => met !== false);
  }
  console.log(good ? "\nEvery bar is met" : "\nA bar is MISSED or was not measured");
  return good ? 0 : 1;
}

function machine(): string {
  const cpus = os.cpus();
  const { deno, v8 } = Deno.version;
  return `${cpus[0]?.model.trim() ?? "unknown processor"}, ${cpus.length} cores, ` +
    `${Deno.build.os} ${os.release()} ${Deno.build.arch}; Deno ${deno}, V8 ${v8}`;
}
