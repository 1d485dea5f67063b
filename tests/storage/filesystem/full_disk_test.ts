import { assert, assertEquals, assertGreater, assertMatch, assertStrictEquals } from "@std/assert";
import {
  openFilesystemReader,
  openFilesystemWriter,
  retireWriters,
} from "../../../src/storage/filesystem/mod.ts";
import { takeOffice } from "../../../src/storage/filesystem/office.ts";
import { canMount, smallDisk } from "../../support/small_disk.ts";
import { add, key, KINDS, PRIMITIVES, valuesOf } from "./_support.ts";

const FILL_DISK = new URL("./programs/fill_disk.ts", import.meta.url).href;

for (const kind of KINDS) {
  Deno.test({
    name: `A full disk stops nothing when ${kind} [needs mount]`,
    ignore: !canMount,
    async fn() {
      await using disk = await smallDisk();
      assert(disk !== undefined);
      // What is taken away later, so that there is room again.
      await Deno.writeFile(`${disk.path}/ballast`, new Uint8Array(256 * 1024));
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", FILL_DISK, disk.path, kind],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const reports = child.stdout.pipeThrough(new TextDecoderStream());
      const lines: { unstored: number; problems: string[] }[] = [];
      const input = child.stdin.getWriter();
      for await (const text of reports) {
        lines.push(JSON.parse(text));
        if (lines.length > 1) continue;
        await Deno.remove(`${disk.path}/ballast`);
        await input.write(new Uint8Array([10]));
        await input.close();
      }
      // A mapped write to a hole would be SIGBUS.
      assertEquals(await child.status, { success: true, code: 0, signal: null });
      const [full, after] = lines;
      assertGreater(full!.unstored, 1000);
      assertStrictEquals(full!.problems.length, 2, "once for each file");
      assertMatch(full!.problems[0]!, /^Cannot write metrics of writer "\d+": ENOSPC/);
      assertEquals(after, { unstored: 0, problems: [] });

      await using reader = openFilesystemReader({
        directory: disk.path,
        primitives: PRIMITIVES.mapped,
      });
      const { sources, problems } = await reader.read();
      assertEquals(problems, []);
      const values = valuesOf(sources[0]);
      assertStrictEquals(values.size, 20_001 - (full!.unstored - 1));
      assertStrictEquals(values.get(key(20_000)), 0);
      values.delete(key(20_000));
      assertEquals(new Set(values.values()), new Set([3]));
    },
  });
}

Deno.test({
  name: "openFilesystemWriter() works when the disk is full from the start [needs mount]",
  ignore: !canMount,
  async fn() {
    await using disk = await smallDisk();
    assert(disk !== undefined);
    const ballast = new Uint8Array(1024 * 1024);
    await Deno.writeFile(`${disk.path}/ballast`, ballast).catch(() => {}); // until it is full
    let now = 1e12;
    const problems: string[] = [];
    await using writer = openFilesystemWriter({
      directory: disk.path,
      primitives: PRIMITIVES.mapped,
      now: () => now,
      onProblem: ({ message }) => problems.push(message),
    });
    add(writer.allocate("counter", undefined, key(1)), 1);
    assertStrictEquals(writer.unstored, 1);
    assertStrictEquals(problems.length, 2, "the directory and the file");
    await Deno.remove(`${disk.path}/ballast`);
    now += 10_000;
    add(writer.allocate("counter", undefined, key(2)), 2);
    assertStrictEquals(writer.unstored, 1);
    assertStrictEquals(writer.writer, `${Deno.pid}`);
    await using reader = openFilesystemReader({
      directory: disk.path,
      primitives: PRIMITIVES.mapped,
    });
    const { sources, writers } = await reader.read();
    assertEquals(writers, { live: 1, dead: 0, unknown: 0 });
    assertEquals([...valuesOf(sources[0])], [[key(2), 2]]);
  },
});

Deno.test({
  name: "retireWriters() makes room on a full disk [needs mount]",
  ignore: !canMount,
  async fn() {
    await using disk = await smallDisk();
    assert(disk !== undefined);
    const directory = disk.path;
    const primitives = PRIMITIVES.mapped;
    for (const mode of ["liveall", "livesum"] as const) {
      await using writer = openFilesystemWriter({ directory, primitives });
      writer.allocate("gauge", mode, key(1));
    }
    // That of one who was killed while it retired on a full disk, as somebody without locks sees it.
    await Deno.writeTextFile(`${directory}/retire.lock`, "");
    await Deno.link(`${directory}/retire.lock`, `${directory}/retire_0123abcd.lock`);
    assertEquals(takeOffice(directory, "retire", PRIMITIVES.unlocked), {
      certain: false,
      unknown: "retire_0123abcd.lock",
    });
    const ballast = new Uint8Array(1024 * 1024);
    await Deno.writeFile(`${directory}/ballast`, ballast).catch(() => {}); // until it is full
    const { folded, problems } = await retireWriters({ directory, primitives });
    assertEquals([folded, problems], [2, []]);
    const left = [...Deno.readDirSync(directory)].map(({ name }) => name);
    assertEquals(left.sort(), ["ballast", "retire.lock"]);
  },
});
