/**
 * A repeated scrape of 4 writers x 1,000 counters with two labels on Redis, against one bare pipeline
 * that reads the same hashes with the same client, and again with 1,000,000 keys of others in the
 * database. The values change between scrapes, as they do in life.
 *
 * `deno run -A bench/redis_scrape.ts PORT PORT` is the contestant; `deno task bench` the contest.
 */
import { createAggregator } from "../src/core/aggregate.ts";
import { renderText } from "../src/core/exposition_text.ts";
import { expectReplies, type RedisCommand } from "../src/storage/redis/connection.ts";
import { redisKeys } from "../src/storage/redis/keys.ts";
import { openRedisReader } from "../src/storage/redis/reader.ts";
import { externals } from "../tests/support/externals.ts";
import { openConnection } from "../tests/support/redis_connection.ts";
import { startRedis } from "../tests/support/redis_server.ts";
import { type Measured, measureWith, median, type PreparedContest } from "./support/contest.ts";
import { allocateSeries, openQuietWriter, PREFIX } from "./support/redis_series.ts";

const WRITERS = 4;
const SERIES = 1000;
const FAMILIES = 20;
const FOREIGN_KEYS = 1_000_000;
const ROUNDS = 5;
const WARM_UP = 30;
const SCRAPES = 40;

if (import.meta.main) console.log(JSON.stringify(await scrapeRepeatedly(Deno.args.map(Number))));

/** Needs redis-server. */
export async function prepare(): Promise<PreparedContest> {
  if (externals["redis-server"] === undefined) {
    const reason = "redis-server is missing";
    return { contest: undefined, reason, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  await using stack = new AsyncDisposableStack();
  const empty = stack.use(await startRedis());
  const full = stack.use(await startRedis(["--enable-debug-command", "local"]));
  const admin = stack.use(await openConnection(full, { commandTimeoutMs: 60_000 }));
  const populate: RedisCommand = ["DEBUG", "POPULATE", `${FOREIGN_KEYS}`, "foreign", "16"];
  expectReplies(await admin.send([populate]));
  const ports = [`${empty.port}`, `${full.port}`];
  const run = (): Promise<Measured> =>
    measureWith(Deno.execPath(), ["run", "-A", import.meta.url, ...ports]);
  const moved = stack.move();
  return {
    contest: {
      title: `Repeated scrape, ${WRITERS} writers x ${SERIES} counters on Redis`,
      unit: "ms",
      rounds: ROUNDS,
      contestants: [{ name: "gpe", run }],
      figures: [
        {
          what: "scrape, against a bare pipeline",
          ours: ["gpe", "scrape"],
          other: ["gpe", "bare pipeline"],
          bar: { slower: 3 },
        },
        {
          what: "reading alone, against a bare pipeline",
          ours: ["gpe", "read"],
          other: ["gpe", "bare pipeline"],
        },
        {
          what: `scrape among ${FOREIGN_KEYS.toLocaleString("en")} foreign keys`,
          ours: ["gpe", "foreign scrape"],
          other: ["gpe", "scrape"],
          bar: { slower: 1.3 },
        },
        {
          what: "commands of a scrape, among foreign keys and without",
          ours: ["gpe", "foreign commands"],
          other: ["gpe", "commands"],
          bar: { slower: 1 },
          unit: "",
        },
        {
          what: "round trips, first scrape",
          ours: ["gpe", "first round trips"],
          bar: { most: 10 },
          unit: "",
        },
        {
          what: "round trips, each further scrape",
          ours: ["gpe", "most round trips"],
          bar: { most: 1 },
          unit: "",
        },
      ],
      note: "Python's gunicorn-prometheus-exporter, which keeps each sample in a key of its own, " +
        "needs 12,080 commands and 2.2 s for a scrape of as many series.",
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** Scrapes both servers in turns. */
async function scrapeRepeatedly(ports: readonly number[]): Promise<Measured> {
  await using stack = new AsyncDisposableStack();
  const sides: Side[] = [];
  for (const port of ports) sides.push(stack.use(await openSide(port)));
  for (let round = 0; round < WARM_UP + SCRAPES; round++) {
    for (const side of sides) await side.scrape(round >= WARM_UP);
  }
  const [alone, among] = sides.map(({ results }) => results());
  return {
    ...alone,
    ...Object.fromEntries(
      Object.entries(among!).map(([name, value]) => [`foreign ${name}`, value]),
    ),
  };
}

/** A server with its writers and a reader; disposing of it leaves the database as it was. */
interface Side extends AsyncDisposable {
  /** Scrapes once, and reads the same hashes with a bare pipeline. */
  scrape(noted: boolean): Promise<void>;
  results(): Measured;
}

async function openSide(port: number): Promise<Side> {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await openConnection({ port }));
  const keys = redisKeys(PREFIX);
  const writing = Array.from({ length: WRITERS }, (_, i) => {
    const writer = stack.use(openQuietWriter(connection, i + 1));
    return { writer, cells: allocateSeries(writer, SERIES, FAMILIES) };
  });
  const countOne = async (): Promise<void> => {
    for (const { writer, cells } of writing) {
      for (const { values, index } of cells) values[index]! += 1;
      await writer.flush();
    }
  };
  await countOne();
  const [families] = expectReplies(await connection.send([["SMEMBERS", keys.families]]));
  const data = (families as string[]).map((family) => keys.data(family));
  const bare = data.map((key) => ["HGETALL", key] as const);
  const reader = stack.use(openRedisReader({ connection, keyPrefix: PREFIX }));
  const aggregator = createAggregator();
  const encoder = new TextEncoder();
  const times: number[] = [];
  const reads: number[] = [];
  const floor: number[] = [];
  const roundTrips: number[] = [];
  const moved = stack.move();
  return {
    async scrape(noted) {
      await countOne();
      const start = performance.now();
      const snapshot = await reader.read();
      const read = performance.now();
      const page = encoder.encode(renderText(aggregator.aggregate(snapshot).families));
      const end = performance.now();
      const replies = await connection.send(bare);
      const pipeline = performance.now();
      if (page.length === 0 || replies.length !== WRITERS * FAMILIES) {
        throw new Error("Cannot measure: not everything was read");
      }
      roundTrips.push(reader.stats.roundTrips);
      if (!noted) return;
      times.push(end - start);
      reads.push(read - start);
      floor.push(pipeline - end);
    },
    results: () => ({
      scrape: median(times),
      read: median(reads),
      "bare pipeline": median(floor),
      commands: reader.stats.commands,
      "first round trips": roundTrips[0]!,
      "most round trips": Math.max(...roundTrips.slice(1)),
    }),
    async [Symbol.asyncDispose]() {
      const meta = (families as string[]).map((family) => keys.meta(family));
      const catalogue = [keys.writers, keys.families, keys.generation, keys.epoch];
      const own = writing.flatMap(({ writer: { writer } }) => [
        keys.alive(writer),
        keys.sequence(writer),
      ]);
      expectReplies(await connection.send([["DEL", ...data, ...meta, ...catalogue, ...own]]));
      await moved.disposeAsync();
    },
  };
}
