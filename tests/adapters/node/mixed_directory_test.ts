import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import type { StorageWriter } from "../../../src/core/storage.ts";
import {
  claimDirectory,
  openFilesystemReader,
  openFilesystemWriter,
  retireWriters,
} from "../../../src/storage/filesystem/mod.ts";
import { isTaken, prepareOffice, waitForOffice } from "../../../src/storage/filesystem/office.ts";
import { NODE_VERSIONS } from "../../support/node_project.ts";
import { spawn } from "../../support/spawn.ts";
import { waitFor } from "../../support/wait_for.ts";
import { add, key, PRIMITIVES } from "../../storage/filesystem/_support.ts";
import { openScene } from "./directory_scene.ts";

const HOLD_WRITER = new URL("../../storage/filesystem/programs/hold_writer.ts", import.meta.url);
const primitives = PRIMITIVES.mapped;

function openWriter(directory: string, writer: string): StorageWriter {
  const opened = openFilesystemWriter({ directory, primitives, writer });
  add(opened.allocate("counter", undefined, key(1)), 0.25);
  return opened;
}

for (const version of [20, 24] as const) {
  for (const kind of ["mapped", "plain"] as const) {
    const where = `on Node ${version}, ${kind}`;

    Deno.test(`Deno and Node see each other's writers live and die, ${where}`, async () => {
      await using scene = await openScene(kind, version);
      const { directory } = scene;
      await using reader = openFilesystemReader({ directory, primitives });
      await using own = openWriter(directory, "deno");
      const args = ["run", "-A", "--no-check", HOLD_WRITER.href, directory, "mapped", "2", "other"];
      await using other = spawn(Deno.execPath(), args);
      await using node = scene.start(kind, ["write", "node", "4"]);
      assertMatch((await node.waitForOutput(/\{.*\}/))[0], /^\{"writer":"node","unstored":0\}$/);
      await other.waitForOutput(/unstored=0/);
      const all = { writers: { live: 3, dead: 0, unknown: 0 }, total: 3.25, problems: [] };
      assertEquals(await scene.run(["read"]), all);
      assertEquals((await reader.read()).writers, all.writers);
      // While it lives, neither takes its totals away.
      assertEquals(await scene.run(["retire"]), { folded: 0, files: 0, problems: [] });
      await node.stop("SIGKILL");
      await other.stop("SIGKILL");
      assertEquals((await reader.read()).writers, { live: 1, dead: 2, unknown: 0 });
      const rest = { ...all, writers: { live: 1, dead: 2, unknown: 0 } };
      assertEquals(await waitFor(() => scene.run(["read"])), rest);
      assertEquals(await scene.run(["retire"]), { folded: 2, files: 2, problems: [] });
      assertEquals((await reader.read()).writers, { live: 1, dead: 0, unknown: 0 });
      assertEquals(await scene.run(["read"]), {
        ...all,
        writers: { live: 1, dead: 0, unknown: 0 },
      });
      await own.flush();
    });

    Deno.test(`A directory has one master, of Deno or of Node, ${where}`, async () => {
      await using scene = await openScene(kind, version);
      const { directory } = scene;
      const claim = () => claimDirectory({ directory, primitives, mode: "keep" });
      await using node = scene.start(kind, ["claim"]);
      await node.waitForOutput(/"claimed"/);
      const { message } = await assertRejects(claim, StorageError);
      assertMatch(message, new RegExp(`: the master with pid ${node.pid} has it, expected no`));
      await node.stop("SIGKILL");
      {
        await using _own = await claim();
        const { error } = await scene.run(["claim"]) as { error: string };
        assertMatch(error, new RegExp(`: the master with pid ${Deno.pid} has it, expected no`));
      }
      await using next = scene.start(kind, ["claim"]);
      await next.waitForOutput(/"claimed"/);
    });
  }
}

Deno.test("One process at a time retires, whatever it runs on", async () => {
  await using scene = await openScene("plain", 22);
  const { directory } = scene;
  const rounds = 40;
  await using stack = new AsyncDisposableStack();
  const others = (["plain", "plain", "mapped"] as const).map((kind, i) =>
    stack.use(scene.start(kind, ["contend", String(rounds)], NODE_VERSIONS[i]))
  );
  prepareOffice(directory, "retire");
  for (let i = 0; i < rounds; i++) {
    const office = await waitForOffice(directory, "retire", primitives, 60_000);
    if (!isTaken(office)) throw new Error("waited in vain");
    const inside = await Deno.open(`${directory}/inside`, { createNew: true, write: true });
    inside.close();
    await Deno.remove(`${directory}/inside`);
    office.release();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const other of others) {
    await other.status;
    assertEquals([other.stdout.trim(), other.stderr], ['"done"', ""]);
  }
  assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["retire.lock"]);
});

Deno.test("What a killed Node process without locks has held is free again", async () => {
  await using scene = await openScene("plain", 20);
  const { directory } = scene;
  await using node = scene.start("plain", ["contend", "1000000"]);
  const namesIn = () => [...Deno.readDirSync(directory)].map(({ name }) => name);
  await waitFor(() => namesIn().includes("inside"));
  await node.stop("SIGKILL");
  await openWriter(directory, "dead")[Symbol.asyncDispose]();
  const { folded } = await retireWriters({ directory, primitives });
  assertStrictEquals(folded, 1);
  const left = namesIn().filter((name) => name !== "inside");
  assertEquals(left.sort(), ["counter_retired.db", "retire.lock"]);
});
