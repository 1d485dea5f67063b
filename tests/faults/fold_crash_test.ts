/**
 * The process that folds retired writers is killed after each of its steps, while others scrape,
 * fold, and open writers under the very ids that are being folded. Every page shows every total to
 * the last bit.
 *
 * One seed in `deno task test`, several and all types in `deno task faults`.
 */
import { assert, assertEquals, assertGreater, assertStrictEquals } from "@std/assert";
import { denoFilePrimitives } from "../../src/adapters/deno/file_primitives.ts";
import { ExactSum } from "../../src/core/exact_sum.ts";
import { openFilesystemReader, retireWriters } from "../../src/storage/filesystem/mod.ts";
import { createRandom, randomDoubles } from "../support/random.ts";
import {
  DROPPED,
  FOLDED,
  namesIn,
  openWorker,
  pageOf,
  readPage,
  type Type,
  type Worker,
} from "../support/retiring.ts";
import { spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";

const FULL = Deno.env.get("GPE_FAULTS") === "full";
const SEEDS = FULL ? [1, 2, 3] : [1];
const TYPES: readonly Type[] = FULL
  ? [...FOLDED, ...DROPPED]
  : [["counter"], ["histogram"], ["gauge", "livesum"]];
const IDS = FULL ? ["1", "2", "3"] : ["1", "2"];
/** The steps between the kills of one fold, and of two. */
const STRIDE = FULL ? [1, 1] : [1, 3];
const PROGRAM = new URL("programs/fold.ts", import.meta.url).pathname;

/** What has been written, summed without the code under test's files. */
class Ledger {
  readonly #sums = new Map<string, ExactSum>();
  #max = -Infinity;

  /** Notes a value that a writer has put into every type. */
  add(value: number): void {
    this.#max = Math.max(this.#max, value);
    for (const name of ["counter_total", "histogram_sum", ...FULL ? ["gauge_sum"] : []]) {
      this.#add(`${name}{item="0"}`, value, 1);
    }
    ["0.5", "1.0", "+Inf"].forEach((le, i) =>
      this.#add(`histogram_bucket{item="0",le="${le}"}`, value, i + 1)
    );
    this.#add('histogram_count{item="0"}', value, 3);
  }

  #add(series: string, value: number, times: number): void {
    const sum = this.#sums.get(series) ?? new ExactSum();
    this.#sums.set(series, sum);
    for (let i = 0; i < times; i++) sum.add(value);
  }

  /** Compares a page. @param live the only value of a writer that lives, where there is one */
  check(page: Readonly<Record<string, number>>, live: number | undefined): void {
    for (const [series, sum] of this.#sums) assertStrictEquals(page[series], sum.rounded(), series);
    if (FULL) assertStrictEquals(page['gauge_max{item="0"}'], this.#max);
    assertStrictEquals(page['gauge_livesum{item="0"}'], live, "gauge_livesum");
  }
}

function put(worker: Worker, ledger: Ledger, value: number): void {
  TYPES.forEach((type, i) => worker.put(type, 0, value, i + 1));
  ledger.add(value);
}

/** Starts a fold that is killed after a step. */
function startFold(directory: string, step: number) {
  return spawn(Deno.execPath(), ["run", "-A", "--no-check", PROGRAM, directory, String(step)]);
}

for (const seed of SEEDS) {
  for (const folders of [1, 2]) {
    Deno.test(`Totals stay exact when ${folders === 1 ? "a fold is" : "two folds are"} killed at every step, seed ${seed}`, async () => {
      await using temp = await tempDir();
      const directory = temp.path;
      await using reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
      const random = createRandom(seed * 10 + folders);
      const values = randomDoubles(100_000, seed);
      const ledger = new Ledger();
      let next = 0;
      let scrapes = 0;
      let kills = 0;
      let reclaimed = 0;

      const scrape = async (live: number | undefined): Promise<void> => {
        ledger.check(await readPage(reader), live);
        ledger.check(await pageOf(directory), live);
        scrapes++;
      };
      /** Scrapes and opens writers under ids that may be in the middle of being folded. */
      const disturb = async (isDone: () => boolean): Promise<void> => {
        while (!isDone()) {
          await scrape(undefined);
          if (random() < 0.2) {
            const id = IDS[Math.floor(random() * IDS.length)]!;
            await using worker = openWorker(directory, id);
            if (worker.writer.writer === id) reclaimed++;
            const value = values[next++]!;
            put(worker, ledger, value);
            await scrape(value);
          }
          await new Promise((resolve) => setTimeout(resolve));
        }
      };

      for (let step = 1, through = 0; through < 1; step += STRIDE[folders - 1]!) {
        for (const id of IDS) {
          // What is mapped stays so: thousands of writers in one process would use its memory up.
          await using worker = openWorker(directory, id, { mapped: false });
          put(worker, ledger, values[next++]!);
        }
        // With two folds, the second one is killed at any step, or never.
        const folds = Array.from(
          { length: folders },
          (_, i) => startFold(directory, i === 0 ? step : Math.floor(random() * 2 * step)),
        );
        let done = false;
        const ends = Promise.all(folds.map(({ status }) => status)).finally(() => done = true);
        await disturb(() => done);
        const [first] = await ends;
        folds.forEach(({ stderr }) => assertEquals(stderr, ""));
        if (first!.signal === "SIGKILL") kills++;
        else if (first!.code === 0) through++;
        await scrape(undefined);
        // Else what is left over after a kill is left to the next fold, and its kill.
        if (random() < 0.4) {
          await retireWriters({ directory, primitives: denoFilePrimitives });
          await scrape(undefined);
        }
      }
      await retireWriters({ directory, primitives: denoFilePrimitives });
      await scrape(undefined);
      assert(namesIn(directory).every((name) => /_retired\.db$|^retire\.lock$/.test(name)));
      // Two of them share the steps.
      assertGreater(kills, folders === 1 ? 5 : 2);
      assertGreater(scrapes, kills);
      console.log(`${kills} kills, ${scrapes} scrapes, ${reclaimed} ids taken again`);
    });
  }
}
