import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../src/core/errors.ts";
import { connectRedis } from "../../../src/storage/redis/connect.ts";
import { redisEndpoint, redisPrefix } from "../../../src/storage/redis/options.ts";
import { maskRedisUrl, parseRedisUrl } from "../../../src/storage/redis/redis_url.ts";

const NODES = [{ host: "a", port: 1 }, { host: "::1", port: 2 }];

Deno.test("parseRedisUrl() reads host, port, database, user and password", () => {
  const plain = { tls: false, host: "h", port: 6379, db: 0, username: "", password: "" };
  const cases = {
    "redis://h": plain,
    "redis://h:6380/12": { ...plain, port: 6380, db: 12 },
    "rediss://h/": { ...plain, tls: true },
    "redis://[::1]:1?family=6": { ...plain, host: "::1", port: 1 },
    "redis://:p%40%2F%23@h": { ...plain, password: "p@/#" },
    "redis://us%3Aer:p@ss@h": { ...plain, username: "us:er", password: "p@ss" },
  };
  for (const [text, url] of Object.entries(cases)) assertEquals(parseRedisUrl(text), url, text);
  const refused = ["", "h:6379", "http://h", "redis://", "redis://h/x", "redis://:a%@h"];
  for (const text of refused) assertEquals(parseRedisUrl(text), undefined, text);
});

Deno.test("maskRedisUrl() hides user and password, also in what is no URL", () => {
  assertEquals(maskRedisUrl("redis://u:p@ss/w@h:1/2"), "redis://***@h:1/2");
  assertEquals(maskRedisUrl("redis://h:1/2"), "redis://h:1/2");
  for (const text of ["u:p@h:1", ":p@h", "redis:u:p@h", "redis:/u:p@h"]) {
    assertEquals(maskRedisUrl(text).replace(/:1$/, ""), "***@h", text);
  }
});

Deno.test("redisEndpoint() prefers the URL to host, port and database", () => {
  const endpoint = redisEndpoint({
    ...{ url: "redis://h:1/2", host: "x", port: 9, db: 9 },
    ...{ username: "u", password: "p" },
  });
  const wanted = { tls: false, host: "h", port: 1, db: 2, username: "u", password: "p" };
  assertEquals(endpoint, { ...wanted, target: "h:1/2" });
  assertEquals(redisEndpoint({}).target, "localhost:6379/0");
  assertEquals(redisEndpoint({ sentinels: NODES, db: 3 }).target, "a:1,[::1]:2/mymaster/3");
  assertEquals(redisEndpoint({ clusterNodes: NODES }).target, "a:1,[::1]:2");
});

Deno.test("connectRedis() refuses options that contradict each other, without a secret", () => {
  const refused: [object, string][] = [
    [{ url: "redis://u:secret@" }, 'url is "redis://***@", expected redis[s]://'],
    [{ url: "redis://h", sentinels: NODES }, "url and sentinels contradict each other"],
    [{ sentinels: NODES, clusterNodes: NODES }, "sentinels and clusterNodes contradict each other"],
    [{ clusterNodes: NODES, db: 1 }, 'db is "1", but a cluster has no other database than 0'],
    [{ url: "redis://h", tls: true }, "tls is given, but url has no TLS, expected rediss://"],
    [{ client: { options: { keyPrefix: "app:" } } }, 'client has keyPrefix "app:", expected none'],
    [{ ttlSeconds: 0 }, "ttlSeconds is 0, expected more than 0, at most 2147483"],
    [{ ttlSeconds: NaN, client: {} }, "ttlSeconds is NaN, expected more than 0"],
    [{ dataLifeSeconds: -1 }, "dataLifeSeconds is -1, expected 0 or more"],
    [{ username: "u" }, "username is given without a password, expected password"],
  ];
  for (const [options, text] of refused) {
    const { message } = assertThrows(() => connectRedis(options), ConfigError, text);
    assert(!message.includes("secret"));
  }
});

Deno.test("redisPrefix() puts the keys of a cluster into one slot", () => {
  assertEquals(redisPrefix({}), "gunicorn");
  assertEquals(redisPrefix({ keyPrefix: "a:b", sentinels: NODES }), "a:b");
  assertEquals(redisPrefix({ keyPrefix: "a:b", clusterNodes: NODES }), "{a:b}");
  assertEquals(redisPrefix({ keyPrefix: "a:{b}", clusterNodes: NODES }), "a:{b}");
});
