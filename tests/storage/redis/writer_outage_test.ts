import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Cell, ReadProblem } from "../../../src/core/storage.ts";
import { awaitConnection, connectRedis } from "../../../src/storage/redis/connect.ts";
import type { RedisCommand } from "../../../src/storage/redis/connection.ts";
import { redisKeys } from "../../../src/storage/redis/keys.ts";
import { openRedisWriter, type RedisWriter } from "../../../src/storage/redis/writer.ts";
import { externalTest } from "../../support/externals.ts";
import { randomDoubles } from "../../support/random.ts";
import { type RedisServer, startRedis } from "../../support/redis_server.ts";
import { waitFor } from "../../support/wait_for.ts";
import { fencingTest } from "./fencing_scene.ts";
import { readTotals } from "./totals.ts";
import { keyOf, lossyConnection, PREFIX } from "./writer_scene.ts";

/** A writer that flushes by itself, and grows by itself all the time. */
async function withLoad(
  args: readonly string[],
  disturb: (server: RedisServer, writer: RedisWriter) => Promise<void>,
): Promise<void> {
  await using server = await startRedis(args);
  await using connection = connectRedis({
    host: "127.0.0.1",
    port: server.port,
    commandTimeoutMs: 300,
  });
  await awaitConnection(connection);
  const writer = openRedisWriter({
    connection,
    keyPrefix: PREFIX,
    pid: 1,
    host: "host",
    ttlMs: 300_000,
    flushIntervalMs: 5,
  });
  const series = Array.from({ length: 20 }, (_, i): readonly [string, Cell] => {
    const key = keyOf("x", { i: `${i}` });
    return [key, writer.allocate("counter", undefined, key)];
  });
  const doubles = randomDoubles(1000, 3).map(Math.abs);
  let added = 0;
  const load = setInterval(() => {
    const [, { values, index }] = series[added % series.length]!;
    values[index]! += doubles[added++ % doubles.length]!;
  }, 1);
  try {
    await waitFor(() => added > 50);
    await disturb(server, writer);
    const before = added;
    await waitFor(() => added > before + 50);
  } finally {
    clearInterval(load);
  }
  await using other = await lossyConnection(server.port);
  await waitFor(async () => {
    const totals = await readTotals(other, redisKeys(PREFIX));
    return series.every(([key, { values, index }]) => Object.is(totals.get(key), values[index]));
  }, { what: "the totals to be those of the cells, bit for bit" });
  await writer[Symbol.asyncDispose]();
}

externalTest("a server that is stopped for a while costs nothing", ["redis-server"], async () => {
  await withLoad([], async ({ pid }, writer) => {
    for (let i = 0; i < 3; i++) {
      Deno.kill(pid, "SIGSTOP");
      await waitFor(() => !writer.flushed);
      Deno.kill(pid, "SIGCONT");
      await waitFor(() => writer.flushed);
    }
  });
});

externalTest("a server that is killed and kept its data", ["redis-server"], async () => {
  await withLoad(["--appendonly", "yes", "--appendfsync", "always"], async (server, writer) => {
    for (let i = 0; i < 3; i++) {
      await server.kill();
      await waitFor(() => !writer.flushed);
      await server.start();
      await waitFor(() => writer.flushed);
    }
  });
});

externalTest("a server that is killed and lost its data", ["redis-server"], async () => {
  await withLoad([], async (server, writer) => {
    for (let i = 0; i < 3; i++) {
      await server.kill();
      await waitFor(() => !writer.flushed);
      await server.start();
      await waitFor(() => writer.flushed);
    }
  });
});

fencingTest(
  "a server without memory, read-only, or that lacks a right: nothing is half done",
  async (scene) => {
    const { writer, connection, outcomes, keys } = scene;
    scene.grow();
    await writer.flush();
    const before = await readTotals(connection, keys);
    const refusals: readonly (readonly [begin: RedisCommand, end: RedisCommand])[] = [
      [["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
      [["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]],
      [["ACL", "SETUSER", "default", "-hset"], ["ACL", "SETUSER", "default", "+hset"]],
    ];
    for (const [begin, end] of refusals) {
      await connection.ask(...begin);
      scene.grow();
      await writer.flush();
      assertEquals(outcomes.at(-1)?.result, "failed");
      assert(!writer.flushed);
      assertEquals(await readTotals(connection, keys), before);
      await connection.ask(...end);
    }
    await writer.flush();
    assert(writer.flushed);
    await scene.expectExact();
  },
);

externalTest("what is wrong is told once, with the writer's name", ["redis-server"], async () => {
  await using server = await startRedis();
  await using connection = await lossyConnection(server.port);
  const problems: ReadProblem[] = [];
  await using writer = openRedisWriter({
    connection,
    keyPrefix: PREFIX,
    pid: 1,
    host: "host",
    incarnation: "x",
    ttlMs: 300_000,
    flushIntervalMs: 2,
    onProblem: (problem) => problems.push(problem),
  });
  const cell = writer.allocate("counter", undefined, keyOf("x"));
  await writer.flush();
  for (let i = 1; i <= 2; i++) {
    let lost = 0;
    connection.fate = () => ++lost > 0 ? "request lost" : "fine";
    cell.values[cell.index]!++;
    await waitFor(() => lost > 5);
    assertEquals(problems.length, i);
    connection.fate = () => "fine";
    await waitFor(() => writer.flushed);
  }
  assertMatch(
    problems[0]!.message,
    /^Cannot write metrics of writer "1@host~x": the request was lost/,
  );
});
