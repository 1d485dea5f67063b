/**
 * Writers are stopped for longer than they may be silent, are retired, come back and go on. Every
 * page shows every total, to the last bit: never less than the page before, and in the end exactly
 * what the processes say themselves.
 *
 * A few rounds in `deno task test`, 50 in `deno task faults`.
 */
import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertNotEquals,
  assertStrictEquals,
} from "@std/assert";
import { FLUSH_SCRIPT } from "../../src/storage/redis/flush_script.ts";
import { parseExposition } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { createRandom } from "../support/random.ts";
import { startRedis } from "../support/redis_server.ts";
import { spawnGpe } from "../support/spawn.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.ts";
import { waitFor } from "../support/wait_for.ts";
import { scrapePage } from "../integration/serving.ts";
import {
  assertTotals,
  connectTo,
  type Program,
  retireAlways,
  startProgram,
  waitForGauges,
  waitForRetired,
  type Watch,
  watchPages,
} from "./redis_program.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";
const TTL_MS = 1000;
const FLUSH_INTERVAL_MS = 50;
/** So many that a flush of all of them takes several scripts. */
const ITEMS = 700;
const LAST_SCRIPT = /"free_sum", \{"item": "6\d\d"/;

/** How a writer comes to be stopped. */
const STOPS: Readonly<Record<string, (program: Program, proxy: TcpProxy) => Promise<void>>> = {
  async "at any time"(program) {
    await program.send("load");
  },
  async "when a reply was lost"(program, proxy) {
    await program.send("load");
    await happened(proxy.loseReplyTo(new RegExp(FLUSH_SCRIPT.sha)));
  },
  async "when a request was lost"(program, proxy) {
    await program.send("load");
    await happened(proxy.loseRequest(new RegExp(FLUSH_SCRIPT.sha)));
  },
  async "when a request is late"(program, proxy) {
    await program.send("load");
    proxy.hold();
  },
  async "in a flush of several scripts, when a reply was lost"(program, proxy) {
    const lost = proxy.loseReplyTo(LAST_SCRIPT);
    await program.send("update");
    await happened(lost);
  },
  async "in a flush of several scripts, when a request was lost"(program, proxy) {
    const lost = proxy.loseRequest(LAST_SCRIPT);
    await program.send("update");
    await happened(lost);
  },
};
const NAMES = Object.keys(STOPS);

/** Waits for a loss, but not for ever. */
async function happened(loss: Promise<void>): Promise<void> {
  let done = false;
  void loss.then(() => done = true);
  await waitFor(() => done, { deadlineMs: 60_000, intervalMs: 1, what: "something that is lost" });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A server, two retirers, a watch on all pages, and programs that reach it through proxies. */
async function openScene(programs: number, seed: number) {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const server = { host: "127.0.0.1", port: redis.port };
  const connection = stack.use(await connectTo(server));
  const proxies: TcpProxy[] = [];
  const running: Program[] = [];
  for (let i = 0; i < programs; i++) {
    const proxy = stack.use(startTcpProxy(redis.port));
    proxies.push(proxy);
    running.push(stack.use(
      await startProgram({
        redis: { host: "127.0.0.1", port: proxy.port },
        items: ITEMS,
        seed: seed * 10 + i,
        ttlMs: TTL_MS,
        flushIntervalMs: FLUSH_INTERVAL_MS,
      }),
    ));
  }
  const watch = stack.use(await watchPages(server));
  const owned = stack.move();
  return {
    redis,
    server,
    connection,
    proxies,
    programs: running,
    watch,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

/** Stops a program, waits until it is retired, and lets it go on. */
async function stopAndReturn(
  { connection }: { readonly connection: Awaited<ReturnType<typeof connectTo>> },
  program: Program,
  proxy: TcpProxy,
  stop: string,
  random: () => number,
): Promise<void> {
  await STOPS[stop]!(program, proxy);
  if (stop === "at any time" || stop === "when a request is late") await pause(random() * 200);
  program.kill("SIGSTOP");
  await waitForRetired(connection, "gunicorn", program);
  proxy.release();
  program.kill("SIGCONT");
}

async function settle(watch: Watch, programs: readonly Program[]): Promise<void> {
  const answers = await Promise.all(programs.map((program) => program.send("flush")));
  assertTotals(await watch.next(), answers);
  await waitForGauges(watch, programs);
}

externalTest(
  "A writer that was stopped, retired and continued is exact to the last bit",
  ["redis-server"],
  async () => {
    const random = createRandom(1);
    await using scene = await openScene(1, 1);
    const { server, watch, programs, proxies } = scene;
    const [program] = programs;
    const [proxy] = proxies;
    await using _first = await retireAlways(server, TTL_MS);
    await using _second = await retireAlways(server, TTL_MS);
    const rounds = IS_FULL ? 30 : 4;
    for (let round = 0; round < rounds; round++) {
      const before = program!.last.writer;
      // In the short form one of each pair.
      const stop = NAMES[IS_FULL ? round % NAMES.length : [0, 1, 2, 4][round]!]!;
      await stopAndReturn(scene, program!, proxy!, stop, random);
      if (round % 3 === 2) {
        // Once more, whether or not it has noticed.
        await pause(random() * 100);
        await stopAndReturn(scene, program!, proxy!, NAMES[0]!, random);
      }
      await settle(watch, programs);
      assertNotEquals(program!.last.writer, before);
    }
    assertGreater(watch.pages, rounds);
    console.log(`${rounds} rounds, ${watch.pages} pages, ${program!.last.writer}`);
  },
);

externalTest(
  "Writers that are stopped and retired at once are exact to the last bit",
  ["redis-server"],
  async () => {
    const random = createRandom(2);
    await using scene = await openScene(3, 2);
    const { server, watch, programs, proxies } = scene;
    await using _first = await retireAlways(server, TTL_MS);
    await using _second = await retireAlways(server, TTL_MS);
    const rounds = IS_FULL ? 20 : 2;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(programs.map(async (program, i) => {
        await pause(random() * 200);
        if (random() < 0.3) return void await program.send("load");
        const stop = NAMES[Math.floor(random() * NAMES.length)]!;
        await stopAndReturn(scene, program, proxies[i]!, stop, random);
      }));
      await settle(watch, programs);
    }
    console.log(`${rounds} rounds of ${programs.length}, ${watch.pages} pages`);
  },
);

externalTest(
  "A writer that gpe exporter retired is exact to the last bit on the pages of two of them",
  ["redis-server"],
  async () => {
    await using scene = await openScene(1, 3);
    const { redis, connection, watch, proxies } = scene;
    const program = scene.programs[0]!;
    const env = { REDIS_TTL_SECONDS: `${TTL_MS / 1000}` };
    const bind = ["--metrics-bind", "127.0.0.1", "--metrics-port", "0"];
    const start = () => spawnGpe(["exporter", "--redis-url", redis.url, ...bind], { env });
    await using first = start();
    await using second = start();
    const urls = await Promise.all(
      [first, second].map(async (exporter) =>
        (await exporter.waitForOutput(/(http:\/\/\S+\/metrics)/))[1]!
      ),
    );
    let scrapes = 0;
    let done = false;
    const scraping = Promise.all(urls.map(async (url) => {
      let before = await scrapePage(url);
      while (!done) {
        const page = await scrapePage(url);
        for (const [series, value] of before) {
          if (!/^(work_total|seconds_|level_sum)/.test(series)) continue;
          assertGreaterOrEqual(page.get(series) ?? NaN, value, series);
        }
        before = page;
        scrapes++;
      }
    }));
    scraping.catch(() => done = true);
    try {
      const before = program.last.writer;
      await STOPS["when a reply was lost"]!(program, proxies[0]!);
      program.kill("SIGSTOP");
      await waitForRetired(connection, "gunicorn", program);
      program.kill("SIGCONT");
      await waitFor(async () => (await program.send("flush")).writer !== before);
      await settle(watch, [program]);
    } finally {
      done = true;
      await scraping;
    }
    for (const url of urls) {
      const page = await scrapePage(url);
      const own = Object.entries(program.last.values).map(([series, value]) =>
        `${series} ${value}`
      );
      for (const [series, value] of parseExposition(own.join("\n"))) {
        if (!series.startsWith("level_live")) assertStrictEquals(page.get(series), value, series);
      }
      assertEquals(page.get("gpe_scrape_corrections_total"), 0);
    }
    assertGreater(scrapes, 10);
    console.log(`${scrapes} scrapes, ${program.last.writer}`);
  },
);
