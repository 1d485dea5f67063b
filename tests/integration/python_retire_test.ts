/** Accumulators and Python: its client reads the totals, and its dead workers' files are folded. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStrictEquals,
} from "@std/assert";
import { denoFilePrimitives as primitives } from "../../src/adapters/deno/file_primitives.ts";
import { FILE_OPERATIONS } from "../../src/storage/filesystem/file_operations.ts";
import { type RetireOptions, retireWriters } from "../../src/storage/filesystem/mod.ts";
import { parseExposition } from "../support/exposition.ts";
import { CLIENT_NAMES, pythonClient, runPython } from "../support/python_client.ts";
import { randomDoubles } from "../support/random.ts";
import { FOLDED, namesIn, openWorker, pageOf } from "../support/retiring.ts";
import { cleanEnv } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { fileBytes, key } from "../storage/filesystem/_support.ts";

const PROGRAMS = new URL("./programs/", import.meta.url).pathname;

for (const layout of ["value", "timestamp"] as const) {
  const client = await pythonClient(layout);
  const missing = client === undefined ? ` [missing: ${CLIENT_NAMES[layout]}]` : "";
  const options = { ignore: client === undefined && Deno.env.get("CI") !== "true" };

  Deno.test(
    `Python's client prints the nearest value of folded totals, layout "${layout}"${missing}`,
    options,
    async () => {
      await using temp = await tempDir();
      const directory = temp.path;
      const values = randomDoubles(200, 3).map(Math.abs);
      for (let id = 1; id <= 20; id++) {
        await using worker = openWorker(directory, String(id), { layout });
        for (const type of FOLDED) {
          if (layout === "value" && type[1] === "mostrecent") continue;
          for (let i = 0; i < 10; i++) worker.put(type, i, values[id * 10 - i - 1]!, id);
        }
      }
      await retireWriters({ directory, primitives });
      assert(namesIn(directory).every((name) => /_retired\.db$|^retire\.lock$/.test(name)));
      const python = parseExposition(
        await runPython(client!, [`${PROGRAMS}collect.py`, directory]),
      );
      const ours = await pageOf(directory);
      assertStrictEquals(python.size, Object.keys(ours).length);
      for (const [series, value] of Object.entries(ours)) {
        const [, name, labels] = /^([^{]+)\{(.*)\}$/.exec(series)!;
        const found = [...python].find(([key]) => {
          return key === `${name}{${labels!.replaceAll(/(\w+)=/g, '"$1":')}}`;
        });
        // Python adds the buckets up in floats.
        if (/_bucket|_count/.test(name!)) {
          assertAlmostEquals(found![1], value, Math.abs(value) * 1e-12);
        } else assertStrictEquals(found![1], value, series);
      }
    },
  );

  Deno.test(
    `retireWriters() folds files of Python's that nobody has open, layout "${layout}"${missing}`,
    options,
    async () => {
      await using temp = await tempDir();
      const directory = temp.path;
      const retire = (more: Partial<RetireOptions> = {}) =>
        retireWriters({ directory, primitives, foreign: true, ...more });
      const run = async (amount: number): Promise<number> => {
        await using worker = startPython(client!, directory, amount);
        await worker.ready;
        await retire();
        const own = namesIn(directory).filter((name) => name.endsWith(`_${worker.pid}.db`));
        assertStrictEquals(own.length, 5, "no file is folded while it is open");
        assertEquals(namesIn(directory).filter((name) => name.includes("~")), []);
        return worker.pid;
      };
      const first = await run(0.1);
      const dead = await pageOf(directory);
      assertEquals((await retire({ foreign: false })).folded, 0);
      assertEquals(await retire(), { folded: 1, files: 4, problems: [] });
      delete dead["alive"]; // nobody knew that it was dead
      assertEquals(await pageOf(directory), dead);
      assertEquals(namesIn(directory), [
        "counter_retired.db",
        `gauge_all_${first}.db`,
        "gauge_max_retired.db",
        "histogram_retired.db",
        "retire.lock",
      ]);
      const second = await run(0.2);
      const third = await run(1.7);
      await retire();
      assertEquals(await pageOf(directory), {
        [`each{pid="${first}"}`]: 0.1,
        [`each{pid="${second}"}`]: 0.2,
        [`each{pid="${third}"}`]: 1.7,
        'work_total{item="a b"}': 2,
        'seconds_bucket{le="1.0"}': 2,
        'seconds_bucket{le="2.0"}': 3,
        'seconds_bucket{le="+Inf"}': 3,
        "seconds_sum": 2,
        "seconds_count": 3,
        "total": 1.7,
      });
      await retire({ retention: { seconds: 0, writers: 0 } });
      assert(
        namesIn(directory).every((name) => /_retired\.db$|^retire\.lock$/.test(name)),
      );
    },
  );
}

function startPython(
  client: NonNullable<Awaited<ReturnType<typeof pythonClient>>>,
  directory: string,
  amount: number,
) {
  const child = new Deno.Command(client.python, {
    args: [`${PROGRAMS}count_and_wait.py`, String(amount)],
    env: cleanEnv({ ...client.env, PROMETHEUS_MULTIPROC_DIR: directory }),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  return {
    pid: child.pid,
    ready: output.read(),
    async [Symbol.asyncDispose]() {
      await this.ready;
      await child.stdin.close();
      while (!(await output.read()).done); // closed early, it would break Python's next write
      assertEquals((await child.status).code, 0);
    },
  };
}

const FOREIGN = { primitives, foreign: true };

/**
 * Waits until nobody has files open for writing: what this process has closed, a program that another
 * test starts at that moment still has.
 */
async function abandoned(...paths: readonly string[]): Promise<void> {
  for (const path of paths) await waitFor(() => !primitives.hasWriters!(path));
}

Deno.test("retireWriters() gives a foreign file its name back when somebody opened it just before", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const path = `${directory}/counter_9.db`;
  await Deno.writeFile(path, fileBytes([{ key: key(1), value: 3 }]));
  await abandoned(path);
  let opened: Deno.FsFile | undefined;
  const operations = {
    ...FILE_OPERATIONS,
    rename(from: string, to: string) {
      if (from === path) opened ??= Deno.openSync(path, { write: true });
      FILE_OPERATIONS.rename(from, to);
    },
  };
  const retired = await retireWriters({ directory, ...FOREIGN, operations });
  assertEquals(retired, { folded: 0, files: 0, problems: [] });
  assertEquals(namesIn(directory), ["counter_9.db", "retire.lock"]);
  opened!.close();
  await abandoned(path);
  assertStrictEquals((await retireWriters({ directory, ...FOREIGN, operations })).folded, 1);
  assertEquals(namesIn(directory), ["counter_retired.db", "retire.lock"]);
  assertEquals(await pageOf(directory), { 'items_total{item="1"}': 3 });
});

Deno.test("retireWriters() leaves a foreign file aside, and counted, when its name was taken meanwhile", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  const path = `${directory}/counter_9.db`;
  await Deno.writeFile(path, fileBytes([{ key: key(1), value: 3 }]));
  await abandoned(path);
  let opened: Deno.FsFile | undefined;
  const operations = {
    ...FILE_OPERATIONS,
    rename(from: string, to: string) {
      if (from !== path || opened !== undefined) return FILE_OPERATIONS.rename(from, to);
      opened = Deno.openSync(path, { write: true });
      FILE_OPERATIONS.rename(from, to);
      Deno.writeFileSync(path, fileBytes([{ key: key(1), value: 4 }]));
    },
  };
  await retireWriters({ directory, ...FOREIGN, operations });
  const [taken, aside] = namesIn(directory);
  assertStrictEquals(taken, "counter_9.db");
  assertMatch(aside!, /^counter_9~[0-9a-f]{8}\.db$/);
  assertEquals(await pageOf(directory), { 'items_total{item="1"}': 7 });
  opened!.close();
  await abandoned(path, `${directory}/${aside}`);
  await retireWriters({ directory, ...FOREIGN });
  assertEquals(namesIn(directory), ["counter_retired.db", "retire.lock"]);
  assertEquals(await pageOf(directory), { 'items_total{item="1"}': 7 });
});

Deno.test("retireWriters() folds nothing foreign where it cannot be known who has it open", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await Deno.writeFile(`${directory}/counter_9.db`, fileBytes([{ key: key(1), value: 3 }]));
  const { identity, locks, mapper } = primitives;
  const retired = await retireWriters({
    directory,
    primitives: { identity, locks, mapper },
    foreign: true,
  });
  assertStrictEquals(retired.folded, 0);
  assertEquals(namesIn(directory), ["counter_9.db", "retire.lock"]);
});
