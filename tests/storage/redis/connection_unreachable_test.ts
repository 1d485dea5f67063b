import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import { connectionScene } from "./connection_scene.ts";

Deno.test({
  name: "connectRedis() says so when no Sentinel and no node of a cluster answers",
  // ioredis sets a timer of 2 s for a socket to close even when it has closed just before.
  sanitizeOps: false,
  fn: saysSo,
});

async function saysSo(): Promise<void> {
  const nodes = [{ host: "127.0.0.1", port: 1 }, { host: "127.0.0.1", port: 2 }];
  await using sentinel = connectionScene({ sentinels: nodes });
  assertStringIncludes(
    await sentinel.problem(/./),
    'Cannot connect to Redis at "127.0.0.1:1,127.0.0.1:2/mymaster/0": no Sentinel answers',
  );
  await using cluster = connectionScene({ clusterNodes: nodes });
  assertStringIncludes(
    await cluster.problem(/./),
    'Cannot connect to Redis at "127.0.0.1:1,127.0.0.1:2": no node of the cluster answers',
  );
  await assertRejects(() => cluster.connection.send([["PING"]]), StorageError);
  assertEquals([sentinel.lines.length, cluster.lines.length], [1, 1]);
}
