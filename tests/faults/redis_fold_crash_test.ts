/**
 * Whoever retires writers on Redis loses its connection before or after each single command, or stops
 * in the middle until another one has done its work. After every step of anybody each page shows every
 * total to the last bit.
 *
 * Some types and one seed in `deno task test`, all types and several seeds in `deno task faults`.
 */
import { assertEquals, assertGreater, assertRejects, assertStrictEquals } from "@std/assert";
import { StorageError } from "../../src/core/errors.ts";
import { createAggregator } from "../../src/core/aggregate.ts";
import { ExactSum } from "../../src/core/exact_sum.ts";
import type { RedisConnection } from "../../src/storage/redis/connection.ts";
import { redisKeys } from "../../src/storage/redis/keys.ts";
import { openRedisReader, type RedisReader } from "../../src/storage/redis/mod.ts";
import { externalTest } from "../support/externals.ts";
import { createRandom, randomDoubles } from "../support/random.ts";
import { openConnection } from "../support/redis_connection.ts";
import {
  ask,
  breaking,
  intercepted,
  openRedisWorker,
  type Place,
  redisPage,
  retirerOf,
} from "../support/redis_retiring.ts";
import { startRedis } from "../support/redis_server.ts";
import { DROPPED, FOLDED, readPage, type Type } from "../support/retiring.ts";

const FULL = Deno.env.get("GPE_FAULTS") === "full";
const SEEDS = FULL ? [1, 2, 3] : [1];
const TYPES: readonly Type[] = FULL
  ? [...FOLDED, ...DROPPED]
  : [["counter"], ["histogram"], ["gauge", "sum"], ["gauge", "max"], ["gauge", "livesum"]];
const NOW = { patient: false };
const keyPrefix = "gunicorn";
const keys = redisKeys(keyPrefix);

/** What has been written, summed without the code under test. */
class Ledger {
  readonly #items = new Map<number, { sums: ExactSum[]; min: number; max: number; last: number }>();

  /** Notes a value that a writer has put into every type. */
  add(item: number, value: number): void {
    let noted = this.#items.get(item);
    if (noted === undefined) {
      const sums = [1, 2, 3].map(() => new ExactSum());
      this.#items.set(item, noted = { sums, min: value, max: value, last: value });
    }
    // A histogram has the value once in each of its three buckets.
    noted.sums.forEach((sum, i) => {
      for (let times = 0; times <= i; times++) sum.add(value);
    });
    noted.min = Math.min(noted.min, value);
    noted.max = Math.max(noted.max, value);
    noted.last = value;
  }

  /** What a page shows when no writer lives. */
  page(types: readonly Type[]): Record<string, number> {
    const page: Record<string, number> = {};
    for (const [item, { sums, min, max, last }] of this.#items) {
      const [once, twice, thrice] = sums.map((sum) => sum.rounded()) as [number, number, number];
      const label = `item="${item}"`;
      const shown: Readonly<Record<string, Record<string, number>>> = {
        counter: { [`counter_total{${label}}`]: once },
        histogram: {
          [`histogram_bucket{${label},le="0.5"}`]: once,
          [`histogram_bucket{${label},le="1.0"}`]: twice,
          [`histogram_bucket{${label},le="+Inf"}`]: thrice,
          [`histogram_count{${label}}`]: thrice,
          [`histogram_sum{${label}}`]: once,
        },
        summary: { [`summary_count{${label}}`]: once, [`summary_sum{${label}}`]: once },
        gauge_sum: { [`gauge_sum{${label}}`]: once },
        gauge_min: { [`gauge_min{${label}}`]: min },
        gauge_max: { [`gauge_max{${label}}`]: max },
        gauge_mostrecent: { [`gauge_mostrecent{${label}}`]: last },
      };
      for (const [kind, mode] of types) Object.assign(page, shown[mode ? `${kind}_${mode}` : kind]);
    }
    return page;
  }
}

/** A server without writers that live, and a ledger of what the dead ones wrote. */
class Scene implements AsyncDisposable {
  readonly place: Place;
  readonly #reader: RedisReader;
  readonly #aggregator = createAggregator({ guard: false });
  readonly #ledger = new Ledger();
  readonly #values: readonly number[];
  readonly #types: readonly Type[];
  #expected: Record<string, number> = {};
  #next = 0;
  /** How many pages were compared. */
  pages = 0;

  constructor(connection: RedisConnection, seed: number, types: readonly Type[]) {
    this.#types = types;
    this.place = { connection, keyPrefix };
    this.#reader = openRedisReader(this.place);
    this.#values = randomDoubles(200_000, seed);
  }

  /** Writers live and die. */
  async addWriters(count: number, series: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await using worker = openRedisWorker(this.place, `w${this.#next}`);
      for (let item = 0; item < series; item++) {
        const value = this.#values[this.#next++ % this.#values.length]!;
        for (const type of this.#types) worker.put(type, item, value, this.#next);
        this.#ledger.add(item, value);
      }
    }
    this.#expected = this.#ledger.page(this.#types);
  }

  /** Compares the page of a reader that goes on. */
  async check(): Promise<void> {
    this.#compare(await readPage(this.#reader, this.#aggregator));
  }

  /** Compares that of a new one as well. */
  async checkAnew(): Promise<void> {
    await this.check();
    this.#compare(await redisPage(this.place));
  }

  #compare(page: Record<string, number>): void {
    for (const [series, value] of Object.entries(this.#expected)) {
      assertStrictEquals(page[series], value, series);
    }
    assertEquals(Object.keys(page).length, Object.keys(this.#expected).length);
    this.pages++;
  }

  /** A connection that is checked after each call. */
  get checked(): RedisConnection {
    return intercepted(this.place.connection, async (_step, _name, call) => {
      const reply = await call();
      await this.check();
      return reply;
    });
  }

  /** The lease of somebody who is gone lapses. */
  async lapse(): Promise<void> {
    await ask(this.place.connection, "DEL", keys.lease);
  }

  /** Retires what is left. */
  async finish(): Promise<void> {
    await using retirer = retirerOf({ ...this.place, connection: this.checked });
    assertEquals((await retirer.retire(NOW)).problems, []);
    assertEquals(await ask(this.place.connection, "EXISTS", keys.writers), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
  }
}

function crashTest(
  title: string,
  run: (scene: Scene, seed: number) => Promise<void>,
  types = TYPES,
): void {
  for (const seed of SEEDS) {
    externalTest(`${title}, seed ${seed}`, ["redis-server"], async () => {
      await using server = await startRedis();
      await using connection = await openConnection(server);
      await using scene = new Scene(connection, seed, types);
      await run(scene, seed);
    });
  }
}

crashTest(
  "Totals on Redis stay exact when a fold is cut off at every step",
  async (scene, seed) => {
    const random = createRandom(seed);
    const cuts = await cutEverywhere(scene, 2, 1, () => random() < 0.7);
    assertGreater(cuts, 20);
  },
);

crashTest(
  "Totals on Redis stay exact when a fold of many series is cut off at every step",
  async (scene) => {
    // The first steps are those of a small fold.
    const cuts = await cutEverywhere(scene, 1, 1100, () => true, FULL ? 1 : 7);
    assertGreater(cuts, FULL ? 15 : 5);
  },
  [["counter"]],
);

/**
 * Cuts folds off before and after each of their steps.
 *
 * @param finishes Whether what a cut left over is retired at once, or left to the next one and its cut.
 * @returns How many cuts there were.
 */
async function cutEverywhere(
  scene: Scene,
  writers: number,
  series: number,
  finishes: () => boolean,
  firstStep = 1,
): Promise<number> {
  let cuts = 0;
  for (const when of ["before", "after"] as const) {
    for (let step = firstStep, through = false; !through; step++) {
      await scene.addWriters(writers, series);
      const connection = breaking(scene.checked, step, when);
      await using retirer = retirerOf({ ...scene.place, connection });
      try {
        await retirer.retire(NOW);
        // The lease is given back in the end; whether that works changes nothing.
        through = await ask(scene.place.connection, "EXISTS", keys.writers) === 0;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        cuts++;
      }
      await scene.checkAnew();
      await scene.lapse();
      if (finishes()) await scene.finish();
    }
    await scene.finish();
  }
  assertGreater(scene.pages, 2 * cuts);
  return cuts;
}

crashTest(
  "Totals on Redis stay exact when a fold is stopped at every step and wakes up too late",
  async (scene) => {
    let stops = 0;
    for (let step = 1, through = false; !through; step++) {
      await scene.addWriters(2, 2);
      let late = 0;
      const connection = intercepted(scene.place.connection, async (now, _name, call) => {
        if (now === step) {
          stops++;
          await scene.lapse();
          await scene.finish();
          // As if the next one was at it already.
          await ask(scene.place.connection, "SET", keys.lease, "other", "PX", "60000", "NX");
        } else if (now > step) late++;
        const reply = await call();
        await scene.check();
        return reply;
      });
      await using retirer = retirerOf({ ...scene.place, connection });
      const { busy, problems } = await retirer.retire(NOW);
      assertEquals(problems, []);
      // Looking, the step itself, and giving the lease back: nothing else was tried.
      through = !busy && stops < step;
      await scene.lapse();
      await scene.check();
      if (stops === step && late > 3) throw new Error(`${late} steps after step ${step}`);
    }
    await scene.finish();
    assertGreater(stops, 8);
  },
);

crashTest(
  "Totals on Redis stay exact when all of a retirer's connections fail at random",
  async (scene, seed) => {
    const random = createRandom(seed + 100);
    let failures = 0;
    const connection = intercepted(scene.checked, async (_step, _name, call) => {
      const fate = random();
      if (fate < 0.1) await call();
      if (fate >= 0.2) return await call();
      failures++;
      throw new StorageError("Cannot reach Redis: cut off", "redis");
    });
    await using retirer = retirerOf({ ...scene.place, connection });
    for (let round = 0; round < (FULL ? 60 : 20); round++) {
      // What is left over would grow without end: no pass gets through many writers.
      if (round % 8 === 7) await scene.finish();
      await scene.addWriters(1, 3);
      await retirer.retire(NOW).catch((error) => {
        if (!(error instanceof StorageError)) throw error;
      });
      await scene.lapse();
    }
    await assertRejects(
      () =>
        retirerOf({ ...scene.place, connection: breaking(connection, 1, "before") }).retire(NOW),
      StorageError,
    );
    await scene.finish();
    assertGreater(failures, 10);
  },
);
