/**
 * A repeated scrape of 8 writers x 5,000 counters with two labels, on files that Python's client
 * wrote, against Python's own collector on the same files, and against merely reading the bytes.
 * The values change between scrapes, as they do in life.
 *
 * `deno run -A bench/scrape.ts DIRECTORY [PAGE]` is the contestant; `deno task bench` the contest.
 */
import { denoFilePrimitives } from "../src/adapters/deno/file_primitives.ts";
import { createAggregator } from "../src/core/aggregate.ts";
import { renderText } from "../src/core/exposition_text.ts";
import {
  checkEntry,
  detectLayout,
  fileViews,
  HEADER_BYTES,
  valueBytes,
} from "../src/storage/filesystem/file_format.ts";
import { openFilesystemReader } from "../src/storage/filesystem/reader.ts";
import { externals } from "../tests/support/externals.ts";
import { parseExposition } from "../tests/support/exposition.ts";
import { type Measured, measureWith, median, type PreparedContest } from "./support/contest.ts";

const WRITERS = 8;
const COUNTERS = 5000;
const ROUNDS = 5;
const WARM_UP = 10;
const SCRAPES = 15;
const PYTHON_SCRAPES = 5;

if (import.meta.main) {
  const [directory, page] = Deno.args;
  if (directory === undefined) throw new Error("Cannot scrape: no directory given");
  console.log(JSON.stringify(await scrapeRepeatedly(directory, page)));
}

/** Fills a directory through Python processes; the page of each side must say the same. */
export async function prepare(): Promise<PreparedContest> {
  const python = externals["python3-prometheus-client"];
  if (python === undefined) {
    return {
      contest: undefined,
      reason: "python3-prometheus-client is missing",
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const base = await Deno.makeTempDir({ prefix: "gpe_bench_" });
  const directory = `${base}/files`;
  const script = (name: string): string => new URL(`peers/${name}`, import.meta.url).pathname;
  await runToEnd(python, [script("fill.py"), directory, `${WRITERS}`, `${COUNTERS}`]);
  const ours = (...more: string[]) => () =>
    measureWith(Deno.execPath(), ["run", "-A", import.meta.url, directory, ...more]);
  const theirs = (...more: string[]) => () =>
    measureWith(python, [script("scrape.py"), directory, `${PYTHON_SCRAPES}`, ...more]);
  await theirs(`${base}/python.txt`)();
  await ours(`${base}/ours.txt`)();
  await assertSamePages(`${base}/ours.txt`, `${base}/python.txt`);
  return {
    contest: {
      title: `Repeated scrape, ${WRITERS} writers x ${COUNTERS} counters with two labels`,
      unit: "ms",
      rounds: ROUNDS,
      contestants: [{ name: "gpe", run: ours() }, { name: "Python's collector", run: theirs() }],
      figures: [
        {
          what: "scrape",
          ours: ["gpe", "scrape"],
          other: ["Python's collector", "scrape"],
          bar: { faster: 20 },
        },
        {
          what: "scrape, against reading the same bytes",
          ours: ["gpe", "scrape"],
          other: ["gpe", "bare read"],
        },
      ],
    },
    [Symbol.asyncDispose]: () => Deno.remove(base, { recursive: true }),
  };
}

async function scrapeRepeatedly(directory: string, page: string | undefined): Promise<Measured> {
  await using reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
  const aggregator = createAggregator();
  const encoder = new TextEncoder();
  // To bytes, as Python's collector gives them.
  const scrape = async (): Promise<Uint8Array> =>
    encoder.encode(renderText(aggregator.aggregate(await reader.read()).families));
  if (page !== undefined) await Deno.writeFile(page, await scrape());

  const files = openFiles(directory);
  const times: number[] = [];
  const floor: number[] = [];
  for (let round = 0; round < WARM_UP + SCRAPES; round++) {
    files.forEach((file) => countOne(file));
    const start = performance.now();
    const bytes = await scrape();
    const end = performance.now();
    files.forEach((file) => readSync(file));
    const read = performance.now();
    if (bytes.length === 0) throw new Error("Cannot measure: the page is empty");
    if (round < WARM_UP) continue;
    times.push(end - start);
    floor.push(read - end);
  }
  // The next process finds the files as this one did.
  files.forEach((file) => countOne(file, -(WARM_UP + SCRAPES)));
  files.forEach(({ handle }) => handle.close());
  return { scrape: median(times), "bare read": median(floor) };
}

interface MetricFile {
  readonly handle: Deno.FsFile;
  readonly bytes: Uint8Array;
  readonly values: Float64Array;
  readonly slots: readonly number[];
}

/** The files of a directory, with the places of their values. */
function openFiles(directory: string): MetricFile[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => {
    const handle = Deno.openSync(`${directory}/${name}`, { read: true, write: true });
    const content = Deno.readFileSync(`${directory}/${name}`).buffer;
    const used = new Int32Array(content)[0]!;
    const views = fileViews(content.slice(0, used));
    const found = detectLayout(views, used);
    if (typeof found === "string") throw new Error(found);
    const slots: number[] = [];
    for (let offset = HEADER_BYTES; offset < used;) {
      const value = checkEntry(views, offset, used, found.layout);
      if (typeof value === "string") throw new Error(value);
      slots.push(value / 8);
      offset = value + valueBytes(found.layout);
    }
    return { handle, bytes: views.bytes, values: views.values, slots };
  });
}

/** Adds to every counter of a file, in the file. */
function countOne({ handle, bytes, values, slots }: MetricFile, by = 1): void {
  for (const slot of slots) values[slot]! += by;
  handle.seekSync(0, Deno.SeekMode.Start);
  handle.writeSync(bytes);
}

function readSync({ handle, bytes }: MetricFile): void {
  handle.seekSync(0, Deno.SeekMode.Start);
  handle.readSync(bytes);
}

async function assertSamePages(ours: string, theirs: string): Promise<void> {
  const a = parseExposition(await Deno.readTextFile(ours));
  const b = parseExposition(await Deno.readTextFile(theirs));
  const same = a.size === b.size && [...a].every(([key, value]) => Object.is(b.get(key), value));
  if (!same) throw new Error("Cannot compare: the two pages differ, expected equal samples");
}

async function runToEnd(program: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args, stdin: "null" }).spawn().status;
  if (!success) throw new Error(`Cannot prepare: ${program} failed`);
}
