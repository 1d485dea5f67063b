import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Redis } from "npm:ioredis@^6.0.0";
import { StorageError } from "../../../src/core/errors.ts";
import { awaitConnection } from "../../../src/storage/redis/connect.ts";
import { type RedisCommand, redisScript } from "../../../src/storage/redis/connection.ts";
import { externalTest } from "../../support/externals.ts";
import { testRedis } from "../../support/redis_client.ts";
import { startRedis } from "../../support/redis_server.ts";
import { startTcpProxy } from "../../support/tcp_proxy.ts";
import { waitFor } from "../../support/wait_for.ts";
import { connectionScene } from "./connection_scene.ts";

const APPEND = redisScript("append", "return redis.call('APPEND', KEYS[1], ARGV[1])");

externalTest(
  "send() gives the replies in order, an error in its place",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using scene = connectionScene({ port: server.port });
    const { connection } = scene;
    await awaitConnection(connection);
    const [set, wrong, got] = await connection.send([
      ["SET", "a", "ä"],
      ["HGETALL", "a"],
      ["GET", "a"],
    ]);
    assertEquals([set, got], ["OK", "ä"]);
    assertInstanceOf(wrong, StorageError);
    assertStringIncludes(wrong.message, "WRONGTYPE");
    assertEquals(await connection.send([]), []);
    assertEquals([connection.problem, scene.lines], [undefined, []]);
  },
);

externalTest(
  "run() works when the server knows the script and when it does not",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using scene = connectionScene({ port: server.port });
    await using admin = testRedis(server.port);
    await scene.connected();
    assertEquals(await scene.connection.run(APPEND, ["k"], ["12"]), 2);
    assertEquals(await scene.connection.run(APPEND, ["k"], ["3"]), 3);
    await admin.call("SCRIPT", "FLUSH");
    assertEquals(await scene.connection.run(APPEND, ["k"], ["4"]), 4);
    const broken = redisScript("broken", "return redis.call('GET', KEYS[1], ARGV[1])");
    await assertRejects(() => scene.connection.run(broken, ["k"], ["1"]), StorageError, "Wrong");
  },
);

externalTest(
  "a connection uses the database it was given, and no other when there is none such",
  ["redis-server"],
  async () => {
    await using server = await startRedis(["--databases", "4"]);
    await using admin = testRedis(server.port, { db: 3 });
    await using good = connectionScene({ url: `${server.url}/3` });
    await good.connected();
    await good.connection.send([["SET", "here", "1"]]);
    assertEquals(await admin.call("GET", "here"), "1");
    await using bad = connectionScene({ port: server.port, db: 4 });
    assertEquals(
      await bad.problem(/./),
      `Cannot connect to Redis at "localhost:${server.port}/4": there is no such database ` +
        "(ERR DB index is out of range), expected a number that the server has",
    );
    await assertRejects(() => bad.connection.send([["SET", "lost", "1"]]), StorageError);
    assertEquals(await admin.call("EXISTS", "lost"), 0);
    assertEquals(bad.lines.length, 1, "logged once, however often it is tried");
  },
);

Deno.test("connectRedis() says so when nobody listens or the host does not exist", async () => {
  await using refused = connectionScene({ host: "127.0.0.1", port: 1 });
  assertEquals(
    await refused.problem(/./),
    'Cannot connect to Redis at "127.0.0.1:1/0": nobody listens there ' +
      "(connect ECONNREFUSED 127.0.0.1:1), expected a Redis server",
  );
  await using unknown = connectionScene({ host: "redis.invalid", port: 6379 });
  assertStringIncludes(
    await unknown.problem(/./),
    'Cannot connect to Redis at "redis.invalid:6379/0": the host name ',
  );
  await assertRejects(() => awaitConnection(refused.connection), StorageError, "ECONNREFUSED");
});

externalTest(
  "connectRedis() tells a missing from a wrong password, and shows none",
  ["redis-server"],
  async () => {
    const password = "p@ss:w/ör#d%?&";
    await using server = await startRedis(["--requirepass", password]);
    const at = `127.0.0.1:${server.port}`;
    await using right = connectionScene({
      url: `redis://:${encodeURIComponent(password)}@${at}/1`,
    });
    await right.connected();
    assertEquals(await right.connection.send([["PING"]]), ["PONG"]);

    await using missing = connectionScene({ url: `redis://${at}` });
    assertEquals(
      await missing.problem(/./),
      `Cannot connect to Redis at "${at}/0": the server asks for a password ` +
        "(NOAUTH Authentication required.), expected REDIS_PASSWORD, and REDIS_USERNAME where needed",
    );
    const secret = "hunter2-s3cret";
    await using wrong = connectionScene({ url: `redis://somebody:${secret}@${at}/0` });
    assertEquals(
      await wrong.problem(/./),
      `Cannot connect to Redis at "${at}/0": the user or password is wrong ` +
        "(WRONGPASS invalid username-password pair or user is disabled.), " +
        "expected those of a user of the server",
    );
    const error = await assertRejects(() => wrong.connection.send([["PING"]]), StorageError);
    assert(!Deno.inspect(error, { depth: 9 }).includes(secret));
    assert(!wrong.lines.join().includes(secret));
    assertEquals(missing.lines.length + wrong.lines.length, 2);
  },
);

externalTest(
  "a password does not show when the server repeats it in an error",
  ["redis-server"],
  async () => {
    const secret = "hunter2-s3cret";
    await using server = await startRedis(["--rename-command", "AUTH", "LOGIN"]);
    await using scene = connectionScene({ port: server.port, password: secret });
    assertStringIncludes(await scene.problem(/unknown command/), "'***'");
    const error = await assertRejects(() => scene.connection.send([["PING"]]), StorageError);
    assert(!(Deno.inspect(error, { depth: 9 }) + scene.lines.join()).includes(secret));
  },
);

externalTest("connectRedis() refuses a server before 5.0", ["redis-server"], async () => {
  await using server = await startRedis();
  await using proxy = startTcpProxy(server.port);
  proxy.rewrite = (text) =>
    text.replace(
      /(redis_version:)([\d.]+)/,
      (_, name, version) => name + "4.0.14".padEnd(version.length, "0").slice(0, version.length),
    );
  await using scene = connectionScene({ host: "127.0.0.1", port: proxy.port });
  assertStringIncludes(await scene.problem(/./), 'its version is "4.0.14');
  assertStringIncludes(scene.lines.join(), "expected 5.0 or later");
  proxy.rewrite = (text) => text;
  await scene.connected();
  assertEquals(scene.connection.problem, undefined);
});

externalTest(
  "a user who may not ask for INFO connects; what else it may not do is told once",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using admin = testRedis(server.port);
    await admin.call("ACL", "SETUSER", "metrics", "on", ">secret", "~gpe:*", "+get", "+set");
    await using scene = connectionScene({
      port: server.port,
      username: "metrics",
      password: "secret",
    });
    await scene.connected();
    assertEquals(await scene.connection.send([["SET", "gpe:a", "1"], ["GET", "gpe:a"]]), [
      "OK",
      "1",
    ]);
    for (let i = 0; i < 3; i++) {
      const [reply] = await scene.connection.send([["DEL", "gpe:a"]]);
      assertInstanceOf(reply, StorageError);
    }
    assertStringIncludes(scene.connection.problem ?? "", "the user may not do this (NOPERM");
    assertEquals(scene.lines.length, 1);
    await admin.call("ACL", "SETUSER", "metrics", "+del");
    await scene.connection.send([["DEL", "gpe:a"]]);
    assertEquals(scene.connection.problem, undefined);
    assertEquals(
      scene.lines.slice(1),
      [`info Redis at "localhost:${server.port}/0" works again`],
    );
  },
);

externalTest("send() takes very many commands, in their order", ["redis-server"], async () => {
  await using redis = await startRedis();
  await using scene = connectionScene({ host: "127.0.0.1", port: redis.port });
  await scene.connected();
  const commands = Array.from({ length: 25_001 }, (): RedisCommand => ["INCR", "n"]);
  const replies = await scene.connection.send(commands);
  assertEquals(replies, commands.map((_, i) => i + 1));
});

externalTest("run() takes more arguments than a call may have", ["redis-server"], async () => {
  await using redis = await startRedis();
  await using scene = connectionScene({ host: "127.0.0.1", port: redis.port });
  const { connection } = scene;
  await scene.connected();
  const count = redisScript("count", "return #ARGV");
  assertEquals(await connection.run(count, [], new Array(300_000).fill("x")), 300_000);
});

externalTest(
  "run() says why the server refuses to write, and when it takes writes again",
  ["redis-server"],
  async (_, t) => {
    const refusals: Record<string, [given: string[][], lifted: string[][], words: string]> = {
      OOM: [
        [["CONFIG", "SET", "maxmemory", "1"]],
        [["CONFIG", "SET", "maxmemory", "0"]],
        "its memory is used up (OOM command not allowed when used memory > 'maxmemory'",
      ],
      READONLY: [
        [["REPLICAOF", "127.0.0.1", "1"]],
        [["REPLICAOF", "NO", "ONE"]],
        "the server is a read-only replica (READONLY",
      ],
      MISCONF: [
        [["CONFIG", "SET", "save", "1 1"]],
        [["CONFIG", "SET", "save", ""]],
        "it refuses writes since it cannot save to disk (MISCONF",
      ],
    };
    for (const [name, [given, lifted, words]] of Object.entries(refusals)) {
      await t.step(name, async () => {
        await using server = await startRedis();
        await using admin = testRedis(server.port);
        await using scene = connectionScene({ port: server.port });
        await scene.connected();
        for (const [command, ...args] of given) await admin.call(command!, ...args);
        if (name === "MISCONF") {
          await Deno.remove(server.directory, { recursive: true });
          await admin.call("SET", "changed", "1");
          await waitFor(async () => {
            await admin.call("BGSAVE").catch(() => {}); // One may be running.
            const info = String(await admin.call("INFO", "persistence"));
            return /rdb_last_bgsave_status:err/.test(info);
          });
        }
        const failure = await waitFor(async () => {
          try {
            await scene.connection.run(APPEND, ["k"], ["1"]);
            return undefined;
          } catch (error) {
            return error;
          }
        });
        assertInstanceOf(failure, StorageError);
        assertStringIncludes(failure.message, words);
        await assertRejects(() => scene.connection.run(APPEND, ["k"], ["1"]), StorageError);
        assertEquals(scene.connection.problem, failure.message);
        await scene.connection.send([["GET", "k"]]);
        assertEquals(scene.connection.problem, failure.message, "reading proves nothing");
        for (const [command, ...args] of lifted) await admin.call(command!, ...args);
        await scene.connection.run(APPEND, ["k"], ["1"]);
        assertEquals(scene.connection.problem, undefined);
        assertEquals(scene.lines.map((line) => line.split(" ")[0]), ["error", "info"]);
        if (name === "MISCONF") await Deno.mkdir(server.directory);
      });
    }
  },
);

externalTest("send() says that a cluster has no slots", ["redis-server"], async () => {
  await using server = await startRedis(["--cluster-enabled", "yes"]);
  await using scene = connectionScene({ port: server.port });
  await scene.connected();
  const [reply] = await scene.connection.send([["GET", "a"]]);
  assertInstanceOf(reply, StorageError);
  assertStringIncludes(reply.message, "the cluster is down (CLUSTERDOWN");
});

externalTest("connectRedis() waits while the server loads its data", ["redis-server"], async () => {
  await using server = await startRedis([
    ...["--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--key-load-delay", "200"],
  ]);
  await using scene = connectionScene({ port: server.port });
  await scene.connected();
  // It looks after its clients every 1,024 keys.
  const keys = Array.from({ length: 8192 }, (_, i) => ["SET", `key ${i}`, "x"] as const);
  await scene.connection.send(keys);
  await server.kill();
  const started = server.start();
  await scene.problem(/it is loading its data/);
  await started;
  await scene.connected();
  assertEquals(await scene.connection.send([["DBSIZE"]]), [8192]);
});

externalTest(
  "a connection comes back after SIGKILL of the server, and fails at once until then",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using scene = connectionScene({ port: server.port });
    await scene.connected();
    const first = scene.connection.connectedSince!;
    await server.kill();
    await scene.problem(/ECONNREFUSED/);
    const before = performance.now();
    for (let i = 0; i < 1000; i++) {
      await assertRejects(() => scene.connection.send([["SET", "late", "1"]]), StorageError);
    }
    assertLess(performance.now() - before, 10_000, "nothing waits for the server");
    await server.start();
    await scene.connected();
    assertLess(first, scene.connection.connectedSince!);
    assertEquals(await scene.connection.send([["EXISTS", "late"]]), [0]);
    assertEquals(scene.connection.problem, undefined);
    assertEquals(scene.lines.at(-1), `info Redis at "localhost:${server.port}/0" works again`);
    assertEquals(new Set(scene.lines).size, scene.lines.length, "each line once");
  },
);

externalTest(
  "a command that gets no answer is given up, and the connection made anew",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using scene = connectionScene({ port: server.port, commandTimeoutMs: 500 });
    await scene.connected();
    Deno.kill(server.pid, "SIGSTOP");
    try {
      await assertRejects(
        () => scene.connection.send([["ECHO", "late"]]),
        StorageError,
        "there was no answer in time, expected one",
      );
      assertEquals(scene.connection.connectedSince, undefined);
      await assertRejects(() => scene.connection.send([["GET", "k"]]), StorageError);
    } finally {
      Deno.kill(server.pid, "SIGCONT");
    }
    await scene.connected();
    assertEquals(await scene.connection.send([["ECHO", "mine"]]), ["mine"]);
  },
);

externalTest(
  "run() fails when the reply is lost, and the next command gets its own reply",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using proxy = startTcpProxy(server.port);
    await using scene = connectionScene({ host: "127.0.0.1", port: proxy.port });
    await scene.connected();
    await scene.connection.run(APPEND, ["k"], ["1"]);
    const lost = proxy.loseReplyTo(/EVALSHA/i);
    await assertRejects(
      () => scene.connection.run(APPEND, ["k"], ["2"]),
      StorageError,
      "the connection was cut",
    );
    await lost;
    await scene.connected();
    assertEquals(await scene.connection.send([["GET", "k"]]), ["12"], "done once, not repeated");
  },
);

externalTest(
  "a client that was given is not closed, and gets nothing more to do until it answers",
  ["redis-server"],
  async () => {
    await using server = await startRedis();
    await using proxy = startTcpProxy(server.port);
    const client = new Redis({ host: "127.0.0.1", port: proxy.port });
    const ended = new Promise((resolve) => client.once("end", resolve));
    {
      await using scene = connectionScene({ client, commandTimeoutMs: 300 });
      await scene.connected();
      proxy.hold();
      const late = client.get("the app's own");
      await assertRejects(() => scene.connection.send([["SET", "a", "1"]]), StorageError);
      await assertRejects(() => scene.connection.send([["SET", "b", "1"]]), StorageError);
      assertEquals(client.status, "ready");
      proxy.release();
      assertEquals(await late, null);
      await scene.connected();
      assertEquals(await scene.connection.send([["EXISTS", "a"], ["EXISTS", "b"]]), [1, 0]);
    }
    assertEquals(client.status, "ready");
    client.disconnect();
    await ended;
  },
);
