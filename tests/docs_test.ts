import { assert, assertEquals, assertMatch } from "@std/assert";
import { SETTING_KEYS, SETTINGS } from "../src/config/settings.ts";
import { externalTest } from "./support/externals.ts";
import { testPage } from "./support/page_tests.ts";
import { readPage, readTable } from "./support/pages.ts";
import { testRedis } from "./support/redis_client.ts";
import { startRedis } from "./support/redis_server.ts";
import { runGpe } from "./support/spawn.ts";
import { checkoutPath, startServing } from "./integration/serving.ts";
import { waitFor } from "./support/wait_for.ts";

const REDIS = await readPage("docs/redis.md");

testPage(await readPage("docs/deno_serve.md"));

testPage(REDIS, {
  programs: ["redis-server", "redis-cli"],
  files: false,
  async start(stack) {
    const { port } = stack.use(await startRedis());
    return { "6379": `${port}` };
  },
});

Deno.test("docs/redis.md names no variable and no flag that there is not", () => {
  const known = new Set(
    SETTING_KEYS.flatMap((
      key,
    ) => [SETTINGS[key].env, SETTINGS[key].flag && `--${SETTINGS[key].flag}`]),
  );
  const named = new Set(REDIS.text.match(/\bREDIS_[A-Z_]+|(?<=`)--(?!allow-)[a-z][a-z-]+/g));
  const unknown = [...named].filter((name) => !known.has(name));
  assertEquals(unknown, []);
  for (const key of SETTING_KEYS.filter((key) => key.startsWith("redis"))) {
    const { env } = SETTINGS[key];
    assert(named.has(env!), `docs/redis.md does not name ${env}`);
  }
});

externalTest("docs/redis.md's table of keys has every key", ["redis-server"], async () => {
  const rows = readTable("keys", REDIS.text).map(([name, type]) => ({ name: name!, type: type! }));
  const patterns = rows.map(({ name, type }) => ({
    name,
    type,
    pattern: new RegExp(
      `^${
        name.replace("PREFIX", "gunicorn").replace("TYPE", "[a-z]+(_[a-z]+)?")
          .replace("WRITER", "(\\d+@[^:]+~[^:]+|~retired)").replace("HASH", "[0-9a-f]{32}")
      }$`,
    ),
  }));
  const seen = new Map<string, string>();
  await using redis = await startRedis();
  await using client = testRedis(redis.port);
  const look = async (): Promise<void> => {
    for (const key of await client.call("KEYS", "*") as string[]) {
      const type = await client.call("TYPE", key);
      if (type === "none") continue; // gone meanwhile
      const row = patterns.find(({ pattern }) => pattern.test(key));
      assertEquals([key, row?.type], [key, type]);
      seen.set(row!.name, key);
    }
  };
  const flags = ["--redis-url", redis.url];
  {
    await using serving = await startServing(checkoutPath("examples/redis.ts"), { flags });
    await (await fetch(`${serving.app}/buy`)).text();
    await waitFor(async () => (await serving.scrape()).get("shop_orders_total") === 1);
    await look();
  }
  assertMatch((await runGpe(["clean", ...flags])).stdout, /^Retired writers: 3/);
  await look();
  // There for a moment only.
  seen.set("PREFIX:gpe:lease", "");
  assertEquals([...seen.keys()].sort(), rows.map(({ name }) => name).sort());
});
