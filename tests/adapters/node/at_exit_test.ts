import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import { createAggregator } from "../../../src/core/aggregate.ts";
import { openFilesystemReader } from "../../../src/storage/filesystem/mod.ts";
import { nodeProgram } from "../../support/node_program.ts";
import { NODE_VERSIONS } from "../../support/node_project.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";

const PROGRAM = new URL("./programs/ends.mjs", import.meta.url);

async function countedIn(directory: string): Promise<number | undefined> {
  await using reader = openFilesystemReader({ directory, primitives: denoFilePrimitives });
  const { families } = createAggregator().aggregate(await reader.read());
  return families.find(({ name }) => name === "counted")?.series[0]?.value;
}

interface End {
  /** How the program ends by itself, or waits for the signal. */
  readonly how: string;
  readonly signal?: Deno.Signal;
  readonly code: number;
  readonly stderr?: RegExp;
  /** All that was counted. */
  readonly total?: number;
}

const THROWN = /^Error: thrown by the application$/m;

const ENDS: readonly End[] = [
  { how: "exit", code: 3 },
  { how: "end", code: 0 },
  { how: "throw", code: 1, stderr: THROWN },
  { how: "reject", code: 1, stderr: THROWN },
  { how: "dispose", code: 0 },
  { how: "wait", signal: "SIGTERM", code: 143 },
  { how: "wait", signal: "SIGINT", code: 130 },
  { how: "wait", signal: "SIGHUP", code: 129 },
  { how: "listen", signal: "SIGTERM", code: 5, total: 7.5 },
  { how: "listen-once", signal: "SIGTERM", code: 5, total: 7.5 },
  { how: "listen-last", signal: "SIGTERM", code: 143 },
  { how: "listen-again", signal: "SIGTERM", code: 143, total: 6.5 },
  { how: "emit", code: 5, total: 7.5 },
];

for (const kind of ["plain", "mapped"] as const) {
  Deno.test(`On Node, ${kind}, nothing is lost and nothing changes when a process ends`, async (t) => {
    await using program = await nodeProgram(PROGRAM, kind);
    for (const version of NODE_VERSIONS) {
      // Mapped memory has nothing to do at the end; of the versions, the first and last have all.
      const isWhole = kind === "plain" && version !== 22;
      const ends = isWhole ? ENDS : ENDS.filter(({ how }) => how === "exit" || how === "wait");
      for (const { how, signal, code, stderr = /^$/, total = 5.5 } of ends) {
        await t.step(`Node ${version}, ${how}, ${signal ?? "no signal"}`, async () => {
          await using temp = await tempDir();
          const env = { PROMETHEUS_MULTIPROC_DIR: temp.path };
          await using run = program.start(version, [how], { env });
          await run.waitForOutput(/^mapped=.*$/m);
          if (signal !== undefined) {
            await run.waitForOutput(/^ready$/m);
            Deno.kill(run.pid, signal);
          }
          const status = await run.status;
          assertEquals([status.code, status.signal], [code, code > 128 ? signal : null]);
          assertMatch(run.stderr, stderr);
          assertMatch(run.stdout, new RegExp(`^mapped=${kind === "mapped"} unstored=0$`, "m"));
          assertStrictEquals(await countedIn(temp.path), total);
        });
      }
    }
  });

  Deno.test(`On Node, ${kind}, SIGKILL takes no more than was promised`, async () => {
    await using program = await nodeProgram(PROGRAM, kind);
    for (const version of NODE_VERSIONS) {
      await using temp = await tempDir();
      const env = { PROMETHEUS_MULTIPROC_DIR: temp.path };
      await using run = program.start(version, ["wait"], { env });
      await run.waitForOutput(/^ready$/m);
      // A buffered writer promises what there was 100 ms ago, a mapped one what there is now.
      if (kind === "plain") await waitFor(async () => await countedIn(temp.path) === 5.5);
      await run.stop("SIGKILL");
      assertStrictEquals(await countedIn(temp.path), 5.5);
    }
  });
}
