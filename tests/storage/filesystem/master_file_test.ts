import { assertEquals } from "@std/assert";
import { SILENT_LOG } from "../../../src/core/log.ts";
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import {
  endFormerWorkers,
  lockMasterFile,
  type MasterFile,
} from "../../../src/storage/filesystem/master_file.ts";
import type { ProcessIdentity } from "../../../src/storage/filesystem/process_identity.ts";
import { tempDir } from "../../support/temp_dir.ts";

/** This machine with processes of its own: pid and start time. */
function world(processes: Map<number, number>, bootId = "boot"): ProcessIdentity {
  return {
    pid: 1000,
    bootId,
    pidNamespace: 1,
    startTicks: (pid) => processes.get(pid) ?? "gone",
  };
}

function lock(directory: string, identity: ProcessIdentity): Promise<MasterFile> {
  return lockMasterFile(directory, { ...denoFilePrimitives, identity });
}

Deno.test("lockMasterFile() gives the workers that the master before has recorded", async () => {
  await using dir = await tempDir();
  const processes = new Map([[1000, 1], [7, 70], [8, 80], [9, 90]]);
  const first = await lock(dir.path, world(processes));
  assertEquals(first.formerWorkers, []);
  first.record([7, 8]);
  first.record([8, 9, 12]);
  first.release();
  const workers = [{ pid: 8, startTicks: 80 }, { pid: 9, startTicks: 90 }];
  const second = await lock(dir.path, world(processes));
  assertEquals(second.formerWorkers, workers);
  second.release();
  // Nobody has seen to them: the next one still knows.
  const third = await lock(dir.path, world(processes));
  assertEquals(third.formerWorkers, workers);
  third.record([]);
  third.release();
  const fourth = await lock(dir.path, world(processes));
  assertEquals(fourth.formerWorkers, []);
  fourth.release();
});

Deno.test("lockMasterFile() knows no workers of another boot, nor of a damaged file", async () => {
  await using dir = await tempDir();
  const processes = new Map([[7, 70]]);
  const first = await lock(dir.path, world(processes));
  first.record([7]);
  first.release();
  const second = await lock(dir.path, world(processes, "another boot"));
  assertEquals(second.formerWorkers, []);
  second.release();
  for (const text of ["", "{", "[]", '{"bootId":"boot","pidNamespace":1,"workers":[{"pid":1}]}']) {
    await Deno.writeTextFile(`${dir.path}/master.lock`, text);
    const next = await lock(dir.path, world(processes));
    assertEquals(next.formerWorkers, [], text);
    next.release();
  }
});

Deno.test("endFormerWorkers() kills only what does not end, and no process that got the pid since", async () => {
  const processes = new Map([[7, 70], [8, 81], [9, 90]]);
  const workers = [7, 8, 9].map((pid) => ({ pid, startTicks: pid * 10 }));
  const killed: number[] = [];
  const kill = (pid: number): void => {
    killed.push(pid);
    processes.delete(pid);
  };
  const ending = setTimeout(() => processes.delete(9), 50);
  await endFormerWorkers(workers, world(processes), kill, SILENT_LOG);
  clearTimeout(ending);
  assertEquals(killed, [7]);
  assertEquals([...processes], [[8, 81]]);
});

Deno.test("endFormerWorkers() does not wait when all have ended", async () => {
  const before = performance.now();
  await endFormerWorkers(
    [{ pid: 7, startTicks: 70 }],
    world(new Map()),
    () => {},
    SILENT_LOG,
  );
  assertEquals(performance.now() - before < 3000, true);
});
