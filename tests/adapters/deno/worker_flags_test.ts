import { assertEquals } from "@std/assert";
import { workerFlags } from "../../../src/adapters/deno/worker_flags.ts";

const NEEDS = {
  read: ["/srv/app", "/tmp/metrics"],
  write: ["/tmp/metrics"],
  net: [],
  bind: { hostname: "127.0.0.1", port: 8000 },
};
const ALWAYS = ["--unstable-net", "--no-prompt"];
const READ = "--allow-read=/srv/app,/tmp/metrics";
const WRITE = "--allow-write=/tmp/metrics";
const NET = "--allow-net=127.0.0.1:8000";

Deno.test("workerFlags() allows everything when the user names no permission", () => {
  assertEquals(workerFlags([], NEEDS), [...ALWAYS, "--allow-all"]);
  const flags = ["--v8-flags=--max-old-space-size=64"];
  assertEquals(workerFlags(flags, NEEDS), [...ALWAYS, ...flags, "--allow-all"]);
});

Deno.test("workerFlags() adds what a worker needs when the user names permissions", () => {
  assertEquals(workerFlags(["--allow-env=HOME"], NEEDS), [
    ...ALWAYS,
    "--allow-env=HOME",
    READ,
    WRITE,
    NET,
  ]);
});

Deno.test("workerFlags() narrows no permission that the user gives whole", () => {
  assertEquals(workerFlags(["--allow-net", "-RW"], NEEDS), [...ALWAYS, "--allow-net", "-RW"]);
  assertEquals(workerFlags(["-R=/data"], NEEDS), [...ALWAYS, "-R=/data", READ, WRITE, NET]);
});

Deno.test("workerFlags() leaves everything and permission sets as they are", () => {
  for (const flag of ["-A", "--allow-all", "-P", "-P=web", "--permission-set=web"]) {
    assertEquals(workerFlags([flag], NEEDS), [...ALWAYS, flag]);
  }
});

Deno.test("workerFlags() brackets IPv6 and doubles commas in paths", () => {
  const flags = workerFlags(["--deny-run"], {
    read: ["/a,b"],
    write: ["/a,b"],
    net: [],
    bind: { hostname: "::1", port: 80 },
  });
  assertEquals(flags.slice(3), [
    "--allow-read=/a,,b",
    "--allow-write=/a,,b",
    "--allow-net=[::1]:80",
  ]);
});

Deno.test("workerFlags() adds the servers of the storage, and gives the net whole when they are not known", () => {
  const needs = { ...NEEDS, write: [], net: ["redis.internal:6379"] };
  assertEquals(workerFlags(["-R", "-N=api:443"], needs), [
    ...ALWAYS,
    "-R",
    "-N=api:443",
    "--allow-net=redis.internal:6379,127.0.0.1:8000",
  ]);
  assertEquals(workerFlags(["-R", "-N=api:443", "--allow-net=b"], { ...needs, net: "all" }), [
    ...ALWAYS,
    "-R",
    "--allow-net",
  ]);
});
