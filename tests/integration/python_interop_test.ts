import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertStrictEquals,
} from "@std/assert";
import { denoFilePrimitives } from "../../src/adapters/deno/file_primitives.ts";
import { createAggregator } from "../../src/core/aggregate.ts";
import { renderText } from "../../src/core/exposition_text.ts";
import { encodeSampleKey } from "../../src/core/sample_key.ts";
import type { Cell } from "../../src/core/storage.ts";
import {
  type FilePrimitives,
  openFilesystemReader,
  openFilesystemWriter,
} from "../../src/storage/filesystem/mod.ts";
import { parseExposition } from "../support/exposition.ts";
import {
  CLIENT_NAMES,
  type Layout,
  type PythonClient,
  pythonClient,
  runPython,
} from "../support/python_client.ts";
import { cleanEnv, spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);
const PROGRAMS = new URL("./programs/", import.meta.url);
const COLLECT = new URL("collect.py", PROGRAMS).pathname;
const FILL_METRICS = new URL("fill_metrics.ts", PROGRAMS).href;

const LAYOUTS = ["value", "timestamp"] as const;

const CLIENTS: Readonly<Record<Layout, PythonClient | undefined>> = {
  value: await pythonClient("value"),
  timestamp: await pythonClient("timestamp"),
};

/** A test with the client of a layout; named, but left out, where that cannot be had. */
function clientTest(name: string, layout: Layout, run: (client: PythonClient) => Promise<void>) {
  const client = CLIENTS[layout];
  Deno.test({
    name: client === undefined ? `${name} [missing: ${CLIENT_NAMES[layout]}]` : name,
    ignore: client === undefined && Deno.env.get("CI") !== "true",
    async fn() {
      assert(client !== undefined, `missing: ${CLIENT_NAMES[layout]}`);
      await run(client);
    },
  });
}

async function ourPage(directory: string): Promise<string> {
  await using reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
  const snapshot = await reader.read();
  assertEquals(snapshot.problems, []);
  const { families, problems, conflicts } = createAggregator().aggregate(snapshot);
  assertEquals(problems, []);
  assertEquals(conflicts, []);
  return renderText(families);
}

/** The HELP and TYPE lines, in any order. */
function headers(page: string): string[] {
  return page.split("\n").filter((line) => line.startsWith("# ")).sort();
}

function assertSamePage(ours: string, pythons: string): void {
  const [actual, expected] = [parseExposition(ours), parseExposition(pythons)];
  assertEquals([...actual.keys()].sort(), [...expected.keys()].sort());
  // Strictly, so that NaN equals NaN and 0 does not equal -0.
  for (const [sample, value] of expected) assertStrictEquals(actual.get(sample), value, sample);
  assertGreater(expected.size, 900);
  assertEquals(headers(ours), headers(pythons));
}

for (const version of ["0.16", "0.25"]) {
  Deno.test(`What Python's client ${version} wrote is printed as its collector prints it`, async () => {
    const directory = new URL(`python-client-${version}`, FIXTURES).pathname;
    const expected = await Deno.readTextFile(`${directory}/expected.txt`);
    assertSamePage(await ourPage(directory), expected);
  });
}

for (const layout of LAYOUTS) {
  clientTest(
    `What a Python client writes now is printed as its collector prints it, layout "${layout}"`,
    layout,
    async (client) => {
      await using temp = await tempDir();
      const script = new URL("make_python_fixtures.py", FIXTURES).pathname;
      await runPython(client, [script, temp.path]);
      const expected = await Deno.readTextFile(`${temp.path}/expected.txt`);
      assertSamePage(await ourPage(temp.path), expected);
    },
  );

  for (const ffi of [true, false]) {
    const kind = ffi ? "mapped" : "buffered";
    clientTest(
      `Python prints what we print of what we wrote, ${kind}, layout "${layout}"`,
      layout,
      async (client) => {
        await using temp = await tempDir();
        await using stack = new AsyncDisposableStack();
        const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
        if (ffi) permissions.push("--allow-ffi");
        const flags = ["run", "--no-prompt", "--no-check", ...permissions];
        const args = [...flags, FILL_METRICS, temp.path, layout];
        // One after the other: which of two values set in one millisecond is the most recent one
        // depends on the order in which a directory happens to be listed.
        for (const number of ["0", "1", "2"]) {
          const writer = stack.use(spawn(Deno.execPath(), [...args, number]));
          await writer.waitForOutput(/filled unstored=0/);
        }
        assertSamePage(await ourPage(temp.path), await runPython(client, [COLLECT, temp.path]));
      },
    );
  }
}

/** How many series are made while Python scrapes, 300 for each scrape. */
const SERIES = 6000;

const BUFFERED: FilePrimitives = {
  identity: denoFilePrimitives.identity,
  locks: denoFilePrimitives.locks,
  mapper: undefined,
};

for (const layout of LAYOUTS) {
  for (
    const [kind, primitives] of [["mapped", denoFilePrimitives], ["buffered", BUFFERED]] as const
  ) {
    clientTest(
      `Python reads while we write, ${kind}, layout "${layout}"`,
      layout,
      (client) => readWhileWriting(client, layout, primitives),
    );
  }
}

/** Makes series and adds to them all the time, until Python has scraped often. */
async function readWhileWriting(
  client: PythonClient,
  layout: Layout,
  primitives: FilePrimitives,
): Promise<void> {
  await using temp = await tempDir();
  await using writer = openFilesystemWriter({ directory: temp.path, primitives, layout });
  const python = new Deno.Command(client.python, {
    args: [COLLECT, temp.path, "busy_total"],
    env: cleanEnv(client.env),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const cells: Cell[] = [];
  const truth = { series: 0, sum: 0, largest: 0 };
  let scrapes = 0;
  const scraping = (async () => {
    let before = [0, 0];
    let rest = "";
    for await (const text of python.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        const [series, sum, largest] = line.split(" ").map(Number) as [number, number, number];
        // What Python printed it read before, so the truth of now is the most it may have seen.
        assertLessOrEqual(series, truth.series);
        assertLessOrEqual(sum, truth.sum);
        assertLessOrEqual(largest, truth.largest);
        assertGreaterOrEqual(series, before[0] as number);
        assertGreaterOrEqual(sum, before[1] as number);
        before = [series, sum];
        scrapes++;
      }
    }
    return before;
  })();
  let failed = false;
  scraping.catch(() => failed = true);

  for (let round = 0; !failed && cells.length < SERIES; round++) {
    // Each scrape meets new series: Python takes longer to start than we to make all of them.
    for (let i = 0; i < 50 && cells.length < (scrapes + 1) * 300; i++) {
      // Keys of all lengths, so that every padding and every place of a page's end comes up.
      const labels = { i: String(cells.length), x: "x".repeat(cells.length % 97) };
      const key = encodeSampleKey("busy", "busy_total", labels, "h");
      cells.push(writer.allocate("counter", undefined, key));
      truth.series++;
    }
    truth.largest = round + 1;
    for (const { values, index } of cells) {
      truth.sum++;
      values[index] = (values[index] as number) + 1;
    }
    // More often than the buffered writer does it by itself: Python is to meet many states.
    if (round % 10 === 0) await writer.flush();
    // Hands over to Python's lines.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await writer.flush();
  // Whatever scrape is under way may have begun before the flush: the one after it has not.
  const seen = scrapes;
  while (!failed && scrapes < seen + 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await python.stdin.close();
  const last = await scraping;
  assert((await python.status).success);
  assertEquals(last, [truth.series, truth.sum]);
  assertStrictEquals(writer.unstored, 0);
}
