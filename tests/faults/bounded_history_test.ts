/**
 * Writers come and go. What is left of them, and what a scrape costs, does not depend on how many
 * there were.
 *
 * 20 generations in `deno task test`, 500 in `deno task faults`.
 */
import { assertEquals, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import { denoFilePrimitives } from "../../src/adapters/deno/file_primitives.ts";
import { createAggregator } from "../../src/core/aggregate.ts";
import { openFilesystemReader, retireWriters } from "../../src/storage/filesystem/mod.ts";
import { namesIn, readPage } from "../support/retiring.ts";
import { spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";

const GENERATIONS = Deno.env.get("GPE_FAULTS") === "full" ? 500 : 20;
const SETTLED = 5;
const PROGRAM = new URL("programs/generation.ts", import.meta.url).pathname;

Deno.test(`${GENERATIONS} generations of writers leave what 5 have left, and cost what 5 have cost`, async () => {
  await using temp = await tempDir();
  const directory = `${temp.path}/metrics`;
  await using reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
  const aggregator = createAggregator({ guard: false });
  let before: { names: string[]; series: string[]; cost: Cost } | undefined;
  let last = 0;
  for (let generation = 1; generation <= GENERATIONS; generation++) {
    await using worker = spawn(Deno.execPath(), ["run", "-A", "--no-check", PROGRAM, directory]);
    assertEquals([(await worker.status).signal, worker.stderr], ["SIGKILL", ""]);
    const start = { ...reader.stats };
    const dead = await readPage(reader, aggregator);
    await retireWriters({ directory, primitives: denoFilePrimitives });
    const folded = await readPage(reader, aggregator);
    const again = await readPage(reader, aggregator);
    assertEquals(folded, dead, `generation ${generation}`);
    assertEquals(again, dead);
    const cost = {
      keysParsed: reader.stats.keysParsed - start.keysParsed,
      filesOpened: reader.stats.filesOpened - start.filesOpened,
    };
    const total = folded['work_total{item="0"}']!;
    assertStrictEquals(total > last, true, `the total was ${last} and is ${total}`);
    last = total;
    const now = { names: namesIn(directory), series: Object.keys(folded), cost };
    if (generation === SETTLED) before = now;
    if (generation < GENERATIONS) continue;
    assertEquals(now.names, before!.names);
    assertEquals(now.series, before!.series);
    assertWithin(now.cost.keysParsed, before!.cost.keysParsed, "keys parsed");
    assertWithin(now.cost.filesOpened, before!.cost.filesOpened, "files opened");
    console.log(`${now.names.length} files, ${now.series.length} series,`, now.cost);
  }
});

interface Cost {
  readonly keysParsed: number;
  readonly filesOpened: number;
}

function assertWithin(value: number, wanted: number, what: string): void {
  assertLessOrEqual(Math.abs(value - wanted), wanted * 0.2, `${what}: ${value}, was ${wanted}`);
}
