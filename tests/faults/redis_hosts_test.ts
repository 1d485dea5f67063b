/**
 * Several hosts on one prefix: their pids and host names may be the same, and nothing is mixed up.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { startRedis } from "../support/redis_server.ts";
import {
  assertTotals,
  retireAlways,
  startProgram,
  waitForGauges,
  watchPages,
} from "./redis_program.ts";

const TTL_MS = 1000;

externalTest(
  "Writers of the same pid and host name are told apart, whatever becomes of one of them",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    const redis = { host: "127.0.0.1", port: server.port };
    const options = { redis, items: 20, ttlMs: TTL_MS, flushIntervalMs: 50, pid: 1, host: "web" };
    await using watch = await watchPages(redis);
    await using first = await startProgram({ ...options, seed: 1 });
    await using second = await startProgram({ ...options, seed: 2 });
    await using third = await startProgram({ ...options, seed: 3 });
    await using _retirer = await retireAlways(redis, TTL_MS);
    for (const program of [first, second, third]) await program.send("load");
    await waitForGauges(watch, [first, second, third]);
    for (const { last } of [first, second, third]) assertEquals(last.writer.split("~")[0], "1@web");
    assertNotEquals(first.last.writer, second.last.writer);

    // One is killed, one ends in order, one goes on.
    const answers = [await second.send("flush"), await third.send("flush")];
    await second[Symbol.asyncDispose]();
    await third.send("close");
    await first.send("load");
    const levels = (): string[] =>
      Object.keys(watch.page).filter((series) => series.startsWith("level_liveall{"));
    while (levels().length > 1) await watch.next();
    answers.push(await first.send("flush"));
    assertTotals(await watch.next(), answers);
    assertEquals(levels(), [`level_liveall{item="0",pid="${first.last.writer}"}`]);
    const all = Object.keys(watch.page).filter((series) => series.startsWith("level_all{"));
    assertEquals(all.length, 3, "gauges of the dead stay for a while");
  },
);
