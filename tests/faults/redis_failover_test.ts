/**
 * Another server takes over under load: a replica by a Sentinel failover, also one that lacks the last
 * writes, or another master of a cluster by the migration of a slot. In the end totals are exact.
 *
 * Once in `deno task test`, several times in `deno task faults`.
 */
import { assertEquals, assertGreater, assertGreaterOrEqual } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { testRedis } from "../support/redis_client.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { type Sentinels, startSentinels } from "../support/redis_sentinels.ts";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, requestOnce, type Serving, startServing } from "../integration/serving.ts";
import {
  assertTotals,
  connectTo,
  type Program,
  type ProgramAnswer,
  type ProgramOptions,
  retireAlways,
  startProgram,
  waitForGauges,
  waitForRetired,
  type Watch,
  watchPages,
} from "./redis_program.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const TIMES = IS_FULL ? 5 : 1;
/** Of each kind of failover; the group needs some seconds to be whole again. */
const FAILOVERS_OF_A_KIND = IS_FULL ? 2 : 1;

/**
 * Long enough for everybody to find the new master: a third of it is what writers have to come back
 * before they are retired with what that one knows of them.
 */
const TTL_MS = 60_000;

function optionsOf(redis: ProgramOptions["redis"], seed: number): ProgramOptions {
  return { redis, items: 400, seed, ttlMs: TTL_MS, flushIntervalMs: 50 };
}

async function settle(
  watch: Watch,
  programs: readonly Program[],
  ended: readonly ProgramAnswer[],
): Promise<void> {
  const answers = await Promise.all(programs.map((program) => program.send("flush")));
  assertTotals(await watch.next(), [...answers, ...ended]);
}

/** Waits until a program has noticed that it was retired: who has nothing to write does so late. */
async function waitForReturn(program: Program, before: string): Promise<void> {
  await waitFor(async () => {
    await program.send("update");
    return (await program.send("flush")).writer !== before;
  }, { what: "another writer" });
}

async function ask(port: number, ...command: readonly [string, ...string[]]): Promise<string> {
  await using client = testRedis(port);
  return String(await client.call(...command));
}

/** Waits until all is as it was at the start: a master with two replicas that have everything. */
async function waitForReplicas(group: Sentinels): Promise<void> {
  await waitFor(async () => {
    const info = await ask(await group.masterPort(), "INFO", "replication");
    return info.match(/state=online/g)?.length === 2;
  }, { deadlineMs: 120_000, intervalMs: 100, what: "two replicas" });
}

/** Lets no write through to the replicas, until the Sentinels set that right some seconds later. */
async function detachReplicas(group: Sentinels): Promise<void> {
  const master = await group.masterPort();
  for (const { port } of group.servers) {
    if (port !== master) await ask(port, "REPLICAOF", "127.0.0.1", "1");
  }
}

/** How a master comes to be replaced, while the first of two programs is stopped and comes back. */
interface Failover {
  readonly name: string;
  /** Whether writes that were acknowledged are lost, a retirement among them. */
  readonly losing: boolean;
  /** Whether the master is killed. */
  readonly kills: boolean;
  /** Whether it is left out of the short form. */
  readonly full?: boolean;
  /** Whether the program is stopped when the replicas lag already, so that its own writes are lost. */
  readonly stopsLate?: boolean;
  run(group: Sentinels): Promise<unknown>;
}

const FAILOVERS: readonly Failover[] = [
  {
    name: "is killed while its replicas lag, a fold is lost",
    full: true,
    losing: true,
    kills: true,
    run: (group) => group.failOver(),
  },
  {
    name: "is killed while its replicas lag, a fold and a writer's last writes are lost",
    losing: true,
    kills: true,
    stopsLate: true,
    run: (group) => group.failOver(),
  },
  { name: "is killed", full: true, losing: false, kills: true, run: (group) => group.failOver() },
  {
    name: "is told to hand over",
    losing: false,
    kills: false,
    run: (group) => group.handOver(),
  },
  {
    name: "pauses, and stays one for a while beside its successor",
    full: true,
    losing: false,
    kills: false,
    async run(group) {
      const old = await group.masterPort();
      const { pid } = group.servers.find(({ port }) => port === old)!;
      Deno.kill(pid, "SIGSTOP");
      try {
        await group.handOver();
      } finally {
        Deno.kill(pid, "SIGCONT");
      }
      // It takes what is written to it until then, which nobody has afterwards.
      await waitForReplicas(group);
    },
  },
];

for (const failover of FAILOVERS.filter(({ full = false }) => IS_FULL || !full)) {
  externalTest(
    `Totals are exact to the last bit when a master with Sentinels ${failover.name}`,
    ["redis-server"],
    () => failOver(failover),
  );
}

async function failOver({ losing, kills, stopsLate = false, run }: Failover): Promise<void> {
  await using group = await startSentinels();
  const redis = { sentinels: group.sentinels, sentinelName: group.name };
  await using stopped = await startProgram(optionsOf(redis, 1));
  await using steady = await startProgram(optionsOf(redis, 2));
  await using watch = await watchPages(redis, { losing: true });
  const programs = [stopped, steady];
  const ended: ProgramAnswer[] = [];
  for (let time = 0; time < FAILOVERS_OF_A_KIND; time++) {
    await waitForReplicas(group);
    const dying = await startProgram(optionsOf(redis, 100 + time));
    ended.push(await dying.send("flush"));
    await dying[Symbol.asyncDispose]();
    const before = stopped.last.writer;
    for (const program of programs) await program.send("load");
    await watch.next();
    if (!stopsLate) stopped.kill("SIGSTOP");
    if (losing) await detachReplicas(group);
    await watch.next();
    if (stopsLate) {
      await stopped.send("flush");
      stopped.kill("SIGSTOP");
    }
    {
      await using retirer = await retireAlways(redis, TTL_MS);
      await using connection = await connectTo(redis);
      for (const program of [stopped, dying]) {
        retirer.declareDead(program.incarnation);
        await waitForRetired(connection, "gunicorn", program);
      }
    }
    stopped.kill("SIGCONT");
    await waitForReturn(stopped, before);
    await stopped.send("load");
    await using _retirer = await retireAlways(redis, TTL_MS, { failing: true });
    const old = await group.masterPort();
    await run(group);
    await settle(watch, programs, ended);
    if (kills) await group.servers.find(({ port }) => port === old)!.start();
  }
  console.log(`${FAILOVERS_OF_A_KIND} failovers, ${watch.pages} pages, now ${stopped.last.writer}`);
}

externalTest(
  "Totals are exact to the last bit when a slot of a cluster moves",
  ["redis-server"],
  async () => {
    await using cluster = await startCluster();
    const redis = { clusterNodes: cluster.nodes };
    await using stopped = await startProgram(optionsOf(redis, 3));
    await using steady = await startProgram(optionsOf(redis, 4));
    await using watch = await watchPages(redis, { failing: true });
    await using retirer = await retireAlways(redis, TTL_MS, { failing: true });
    const programs = [stopped, steady];
    const slot = await cluster.slotOf("{gunicorn}");
    for (let time = 0; time < TIMES; time++) {
      const before = stopped.last.writer;
      for (const program of programs) await program.send("load");
      stopped.kill("SIGSTOP");
      retirer.declareDead(stopped.incarnation);
      const to = (await cluster.ownerOf(slot) + 1) % cluster.nodes.length;
      const migration = await cluster.beginMigration(slot, to);
      stopped.kill("SIGCONT");
      while (await migration.moveKeys(3) > 0);
      await migration.finish();
      await settle(watch, programs, []);
      await waitForReturn(stopped, before);
      await settle(watch, programs, []);
      await waitForGauges(watch, programs);
    }
    assertGreater(watch.pages, TIMES);
    console.log(`${TIMES} migrations, ${watch.pages} pages, now ${stopped.last.writer}`);
  },
);

const APP = checkoutPath("tests/fixtures/apps/increments.ts");
const CLIENTS = 4;

/** The variable that names servers. */
function nodesText(nodes: readonly { readonly host: string; readonly port: number }[]): string {
  return nodes.map(({ host, port }) => `${host}:${port}`).join(",");
}

/** Requests until it is stopped; each must be answered. */
function startLoad(serving: Serving) {
  const load = { answered: 0, done: false };
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!load.done) {
      if (!await requestOnce(`${serving.app}/`)) throw new Error("A request got no answer");
      load.answered++;
    }
  });
  const ended = Promise.all(clients);
  ended.catch(() => {}); // Thrown when it is stopped.
  return {
    async stop(): Promise<number> {
      load.done = true;
      await ended;
      return load.answered;
    },
  };
}

/** Everything that only ever grows. */
const TOTAL = /^(test|gunicorn)_[^{]+(_total|_sum|_count|_bucket)(\{|$)/;

/** Scrapes without pause; where the server is there, no total may be lower than on the page before. */
function startScraping(serving: Serving) {
  let pages = 0;
  let done = false;
  const scraping = (async () => {
    let before = new Map<string, number>();
    while (!done) {
      const samples = await serving.scrape();
      if (samples.get("gunicorn_sidecar_redis_connected") !== 1) continue;
      for (const [series, value] of before) {
        if (TOTAL.test(series)) assertGreaterOrEqual(samples.get(series) ?? NaN, value, series);
      }
      before = samples;
      pages++;
    }
  })();
  scraping.catch(() => {}); // Thrown when it is stopped.
  return {
    async stop(): Promise<number> {
      done = true;
      await scraping;
      return pages;
    },
  };
}

/** Disturbs the storage while the service is under load; then every request is counted. */
async function serveThrough(
  env: Readonly<Record<string, string>>,
  disturb: () => Promise<unknown>,
): Promise<void> {
  await using serving = await startServing(APP, { env: { REDIS_ENABLED: "true", ...env } });
  const scraping = startScraping(serving);
  let answered = 0;
  for (let time = 0; time < TIMES; time++) {
    const load = startLoad(serving);
    await waitForPage(serving, (samples) => sumOf(samples, "test_work_total") > answered);
    try {
      await disturb();
    } finally {
      answered += await load.stop();
    }
    for (const name of ["test_work_total", "gunicorn_worker_requests_total"]) {
      await waitForPage(serving, (samples) => sumOf(samples, name) === answered, () => answered);
    }
    // The app knows nothing of it.
    const samples = await serving.scrape();
    assertEquals(sumOf(samples, "gunicorn_worker_failed_requests_total"), 0);
    assertEquals(sumOf(samples, "gunicorn_worker_restart_total"), 0);
    assertEquals(sumOf(samples, "test_size_count"), answered * 3);
    assertEquals(sumOf(samples, "gunicorn_worker_request_duration_seconds_count"), answered);
  }
  console.log(`${TIMES} times, ${answered} requests, ${await scraping.stop()} pages`);
}

async function waitForPage(
  serving: Serving,
  condition: (samples: Map<string, number>) => boolean,
  wanted: () => unknown = () => "more",
): Promise<void> {
  let samples = new Map<string, number>();
  await waitFor(async () => condition(samples = await serving.scrape()), {
    deadlineMs: 60_000,
    intervalMs: 100,
    what: () => `a total of ${wanted()}; it is ${sumOf(samples, "test_work_total")}`,
  });
}

externalTest(
  "gpe serve answers and counts all requests when a master with Sentinels is killed",
  ["redis-server"],
  async () => {
    await using group = await startSentinels();
    const env = { REDIS_SENTINELS: nodesText(group.sentinels), REDIS_SENTINEL_MASTER: group.name };
    await serveThrough(env, async () => {
      await waitForReplicas(group);
      await detachReplicas(group);
      const old = await group.masterPort();
      await group.failOver();
      await group.servers.find(({ port }) => port === old)!.start();
    });
  },
);

externalTest(
  "gpe serve answers and counts all requests when a slot of a cluster moves",
  ["redis-server"],
  async () => {
    await using cluster = await startCluster();
    const slot = await cluster.slotOf("{gunicorn}");
    await serveThrough({ REDIS_CLUSTER_NODES: nodesText(cluster.nodes) }, async () => {
      const from = await cluster.ownerOf(slot);
      for (const to of [(from + 1) % cluster.nodes.length, from]) {
        const migration = await cluster.beginMigration(slot, to);
        while (await migration.moveKeys(3) > 0);
        await migration.finish();
      }
    });
  },
);
