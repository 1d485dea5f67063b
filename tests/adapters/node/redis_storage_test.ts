import { assertEquals, assertStrictEquals } from "@std/assert";
import { externalTest } from "../../support/externals.ts";
import { parseExposition } from "../../support/exposition.ts";
import { type NodeProgram, nodeProgram } from "../../support/node_program.ts";
import { NODE_VERSIONS, type NodeVersion } from "../../support/node_project.ts";
import { startRedis } from "../../support/redis_server.ts";
import { waitFor } from "../../support/wait_for.ts";

const PROGRAM = new URL("./programs/redis.mjs", import.meta.url);

externalTest(
  "Processes on Node count on Redis, die, and are retired",
  ["redis-server"],
  async () => {
    await using program = await nodeProgram(PROGRAM, "plain");
    // Side by side: each waits for the process that looks for the dead from time to time.
    await Promise.all(NODE_VERSIONS.map((version) => countAndRetire(program, version)));
  },
);

async function countAndRetire(program: NodeProgram, version: NodeVersion): Promise<void> {
  await using server = await startRedis();
  const page = async () => {
    await using run = program.start(version, [server.url, "page"]);
    const { code } = await run.status;
    assertEquals([code, run.stderr], [0, ""]);
    return parseExposition(run.stdout);
  };
  {
    await using first = program.start(version, [server.url, "count"]);
    await using second = program.start(version, [server.url, "count"]);
    for (const run of [first, second]) await run.waitForOutput(/writer=/);
    const samples = await page();
    assertStrictEquals(samples.get("counted_total"), 0.2);
    assertStrictEquals(samples.get('gpe_writers{"state":"live"}'), 3);
    for (const run of [first, second]) await run.stop("SIGKILL");
  }
  await using third = program.start(version, [server.url, "count"]);
  await third.waitForOutput(/writer=/);
  await waitFor(async () => {
    const samples = await page();
    // Whether they are folded or not: the nearest double to the exact sum.
    assertStrictEquals(samples.get("counted_total"), 0.1 + 0.1 + 0.1);
    return samples.get('gpe_writers{"state":"dead"}') === 0;
  }, { intervalMs: 2000, deadlineMs: 120_000 });
}
