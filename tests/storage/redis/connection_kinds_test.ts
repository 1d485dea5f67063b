import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { StorageError } from "../../../src/core/errors.ts";
import { redisScript } from "../../../src/storage/redis/connection.ts";
import { externalTest } from "../../support/externals.ts";
import { startCluster } from "../../support/redis_cluster.ts";
import { startRedis } from "../../support/redis_server.ts";
import { startSentinels } from "../../support/redis_sentinels.ts";
import { startTlsRedis } from "../../support/redis_tls.ts";
import { waitFor } from "../../support/wait_for.ts";
import { connectionScene } from "./connection_scene.ts";

const ADD = redisScript("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])");

externalTest(
  "connectRedis() trusts the certificates it was given, and no other",
  ["redis-server", "openssl"],
  async ({ openssl }) => {
    const password = "s3cret with spaces";
    await using server = await startTlsRedis(openssl, ["--requirepass", password]);
    const url = `rediss://:${encodeURIComponent(password)}@localhost:${server.port}/2`;
    await using good = connectionScene({ url, tls: { ca: server.ca } });
    await good.connected();
    assertEquals(await good.connection.send([["PING"]]), ["PONG"]);
    for (const tls of [{ ca: server.otherCa }, true]) {
      await using bad = connectionScene({ url, tls });
      assertStringIncludes(await bad.problem(/./), "its certificate is not trusted");
      assert(!bad.lines.join().includes("s3cret"));
    }
  },
);

externalTest(
  "connectRedis() follows the Sentinels to the new master",
  ["redis-server"],
  async () => {
    await using group = await startSentinels();
    const { sentinels } = group;
    await using scene = connectionScene({ sentinels, db: 1, commandTimeoutMs: 2000 });
    await scene.connected();
    assertEquals(await scene.connection.run(ADD, ["n"], ["1"]), 1);
    // On the replicas too before the master goes.
    await waitFor(async () => (await scene.connection.send([["WAIT", "2", "1000"]]))[0] === 2);
    await group.failOver();
    await waitFor(() => scene.connection.connectedSince !== undefined, { deadlineMs: 60_000 });
    assertEquals(await scene.connection.run(ADD, ["n"], ["1"]), 2);
    assertEquals(scene.connection.problem, undefined);
    assertEquals(new Set(scene.lines).size, scene.lines.length, "each line once");

    await using unknown = connectionScene({ sentinels, sentinelName: "other" });
    assertStringIncludes(await unknown.problem(/./), "the Sentinels know no such master");
  },
);

externalTest(
  "connectRedis() says so when a server is not a cluster",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using scene = connectionScene({
      clusterNodes: [{ host: "127.0.0.1", port: server.port }],
    });
    assertStringIncludes(await scene.problem(/./), "it is not a cluster");
  },
);

externalTest(
  "send() and run() on a cluster are right while their slot moves, and after",
  ["redis-server"],
  async () => {
    await using cluster = await startCluster();
    await using scene = connectionScene({ clusterNodes: cluster.nodes.slice(0, 1) });
    const { connection } = scene;
    await scene.connected();
    const keys = Array.from({ length: 200 }, (_, i) => `{app}:${i}`);
    await connection.send(keys.map((key) => ["SET", key, `value of ${key}`]));
    const slot = await cluster.slotOf("{app}:0");
    const target = (await cluster.ownerOf(slot) + 1) % 3;

    let reads = 0;
    const read = async (): Promise<void> => {
      const replies = await connection.send(keys.map((key) => ["GET", key]));
      assertEquals(replies, keys.map((key) => `value of ${key}`));
      reads++;
    };
    let added = 0;
    const add = async (): Promise<void> => {
      assertEquals(await connection.run(ADD, ["{app}:count"], ["1"]), ++added);
    };
    await add();
    const migration = await cluster.beginMigration(slot, target);
    do {
      await read();
      await add();
    } while (await migration.moveKeys(20) > 0);
    await migration.finish();
    assertEquals(await cluster.ownerOf(slot), target);
    await read();
    await add();
    assertGreater(reads, 10);
    assertEquals(connection.problem, undefined);
  },
);

externalTest(
  "a cluster's node that dies is an error, and not an empty reply",
  ["redis-server"],
  async () => {
    await using cluster = await startCluster(["--cluster-require-full-coverage", "no"]);
    await using scene = connectionScene({ clusterNodes: cluster.nodes, commandTimeoutMs: 1000 });
    await scene.connected();
    await scene.connection.send([["SET", "{app}:0", "1"]]);
    const server = cluster.servers[await cluster.ownerOf(await cluster.slotOf("{app}:0"))]!;
    await server.kill();
    await waitFor(async () => {
      const [reply] = await scene.connection.send([["GET", "{app}:0"]]).catch((error) => [error]);
      return reply instanceof StorageError;
    });
    await server.start();
    await waitFor(
      async () => (await scene.connection.send([["GET", "{app}:0"]]))[0] === null,
      { what: () => `the node; the problem is ${scene.connection.problem}`, deadlineMs: 60_000 },
    );
  },
);
