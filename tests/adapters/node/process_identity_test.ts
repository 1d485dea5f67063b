import { assertStrictEquals } from "@std/assert";
import { signalIdentity } from "../../../src/adapters/node/process_identity.ts";
import { judgeByPid } from "../../../src/storage/filesystem/liveness.ts";
import { describeProcess } from "../../../src/storage/filesystem/claim_file.ts";

function failing(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A machine on which processes 1 and 2 run, the second as another user. */
function machine(name: string, processes = [1, 2]) {
  return signalIdentity(1, name, (pid) => {
    if (!processes.includes(pid)) throw failing("ESRCH");
    if (pid === 2) throw failing("EPERM");
  });
}

Deno.test("signalIdentity() knows who is gone, on the same machine alone", () => {
  const record = {
    ...describeProcess(machine("here")),
    formatVersion: 1,
    liveness: "pid",
  } as const;
  assertStrictEquals(judgeByPid(record, machine("here")), "live");
  assertStrictEquals(judgeByPid({ ...record, pid: 2 }, machine("here")), "live");
  assertStrictEquals(judgeByPid(record, machine("here", [2])), "dead");
  assertStrictEquals(judgeByPid(record, machine("there", [2])), "unknown");
});
