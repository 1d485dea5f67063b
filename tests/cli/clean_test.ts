import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { main } from "../../src/cli/main.ts";
import { storageAt } from "../../src/adapters/library/storage.ts";
import { SILENT_LOG } from "../../src/core/log.ts";
import {
  ACCUMULATORS,
  COUNTER,
  liveAndDie,
  namesIn,
  openWorker,
  pageOf,
  readPage,
} from "../support/retiring.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { fileBytes, key } from "../storage/filesystem/_support.ts";
import { FakeIo, gpe } from "./fake_io.ts";

Deno.test("gpe clean folds dead writers, and leaves the living and what is foreign alone", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [1, 2, 3]);
  await Deno.writeFile(`${directory}/counter_9.db`, fileBytes([{ key: key(1), value: 1 }]));
  await using worker = openWorker(directory, "2");
  worker.put(COUNTER, 0, 1);
  const before = await pageOf(directory);
  assertEquals(await gpe(["clean", "--dir", directory]), {
    code: 0,
    stdout: "Retired writers: 1, removed files: 14\n",
    stderr: "",
  });
  assertEquals(await pageOf(directory), before);
  assertEquals(
    namesIn(directory).filter((name) => !ACCUMULATORS.includes(name)),
    ["counter_2.db", "counter_9.db", "retire.lock", "writer_2.lock"],
  );
  const { stdout } = await gpe(["clean", "--dir", directory, "--retire"]);
  assertStrictEquals(stdout, "Retired writers: 1, removed files: 1\n");
  assertEquals(await pageOf(directory), before);
});

Deno.test("gpe clean exits with 1 and says why when a writer cannot be folded", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [1]);
  await Deno.truncate(`${directory}/counter_1.db`, 16);
  const { code, stdout, stderr } = await gpe(["clean", "--dir", directory]);
  assertEquals([code, stdout], [1, "Retired writers: 1, removed files: 13\n"]);
  assertMatch(stderr, /Cannot fold metric file: it ends after 16 of the \d+ bytes in use/);
});

Deno.test("gpe clean names a directory that is not there", async () => {
  await using temp = await tempDir();
  for (const flags of [[], ["--all"]]) {
    const { code, stderr } = await gpe(["clean", "--dir", `${temp.path}/none`, ...flags]);
    assertStrictEquals(code, 1);
    assertMatch(stderr, /none": no such directory, expected the directory of the metric files/);
  }
  assertEquals(namesIn(temp.path), []);
});

Deno.test("gpe clean --all removes everything, but nothing while a writer lives or might live", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [1]);
  await gpe(["clean", "--dir", directory]);
  await liveAndDie(directory, "2", [1]);
  const python = `${directory}/counter_9.db`;
  await Deno.writeFile(python, fileBytes([{ key: key(1), value: 1 }]));
  const refusals: string[] = [];
  const refused = async (): Promise<void> => {
    const before = namesIn(directory);
    const { code, stdout, stderr } = await gpe(["clean", "--all", "--dir", directory]);
    assertEquals([code, stdout], [1, ""]);
    assertEquals(namesIn(directory).filter((name) => name !== "master.lock"), before);
    refusals.push(stderr);
  };
  {
    await using worker = openWorker(directory, "3");
    worker.put(COUNTER, 0, 1);
    await refused();
  }
  {
    using _open = await Deno.open(python, { write: true });
    await Deno.remove(`${directory}/master.lock`);
    await refused();
  }
  assertMatch(refusals[0]!, /^gpe: Cannot use directory ".*": it is in use by writer "3", /);
  assertMatch(refusals[1]!, /: processes have or might have files open: counter_9\.db, expected /);
  const { code, stdout } = await gpe(["clean", "--all", "--dir", directory]);
  assertEquals([code, stdout], [0, "Removed files: 23\n"]);
  assertEquals(namesIn(directory), ["master.lock", "retire.lock"]);
});

Deno.test("gpe exporter --retire folds dead writers while it serves", async () => {
  await using temp = await tempDir();
  const directory = temp.path;
  await liveAndDie(directory, "1", [0.1, 0.2]);
  await Deno.writeFile(`${directory}/counter_9.db`, fileBytes([{ key: key(1), value: 1 }]));
  const place = { kind: "directory", directory, layout: "timestamp" } as const;
  await using storage = await storageAt(place, { log: SILENT_LOG });
  await using reader = storage.openReader();
  const before = await readPage(reader);
  const io = new FakeIo();
  const flags = ["--dir", directory, "--metrics-bind", "127.0.0.1", "--metrics-port", "0"];
  const ended = main(["exporter", "--retire", "--log-level", "debug", ...flags], io);
  await waitFor(() => namesIn(directory).every((name) => /_retired\.db$|\.lock$/.test(name)));
  assertEquals(await readPage(reader), before);
  io.stop();
  assertStrictEquals(await ended, 0);
  assertMatch(io.err, /Retired writers/);
});
