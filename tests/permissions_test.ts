/** The permissions that the documentation names are enough, and none of them is too much. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { denoFilePrimitives } from "../src/adapters/deno/file_primitives.ts";
import { openFilesystemWriter } from "../src/storage/filesystem/mod.ts";
import { externalTest } from "./support/externals.ts";
import { freePort } from "./support/free_port.ts";
import { readPage, readTable } from "./support/pages.ts";
import { startRedis } from "./support/redis_server.ts";
import { ROOT, spawn, type Spawned } from "./support/spawn.ts";
import { tempDir } from "./support/temp_dir.ts";

const PAGE = await readPage("docs/permissions.md");
const LESSER = readTable("lesser", PAGE.text).map(([use, flag]) => `${use} ${flag}`);

/** What a use is tried with. */
interface Place {
  readonly directory: string;
  /** Where Redis is, for uses that need it; else where it may listen. */
  readonly address: string;
}

/** A use: a program, and how to tell that it works. */
interface Use {
  /** The arguments, the program first. */
  readonly args: (place: Place) => string[];
  /** Its output when it works. */
  readonly works: RegExp;
  readonly env?: (place: Place) => Record<string, string>;
  /** Checks a program that runs until it is stopped. */
  readonly look?: (place: Place, program: Spawned) => Promise<void>;
  readonly redis?: boolean;
}

const MAIN = new URL("mod.ts", ROOT).pathname;
const PROGRAM = new URL("programs/use.ts", import.meta.url).pathname;
const COUNTED = /^counted_total 3$/m;

const USES: Readonly<Record<string, Use>> = {
  "Metrics in memory, instrument()": {
    args: () => [PROGRAM, "memory"],
    works: /^counted_total 3$[^]*^stored_total 4$/m,
  },
  "openStorage({ directory })": {
    args: ({ directory }) => [PROGRAM, "storage", directory],
    works: /^mapped=true$/m,
  },
  "openStorage()": {
    args: () => [PROGRAM, "storage"],
    env: ({ directory }) => ({ PROMETHEUS_MULTIPROC_DIR: directory }),
    works: /^mapped=true$/m,
  },
  "openStorage({ redis })": {
    args: ({ address }) => [PROGRAM, "redis", "", address],
    works: /^writer=\d+@(?!unknown~)/m,
    redis: true,
  },
  "metricsHandler({ directory })": {
    args: ({ directory }) => [PROGRAM, "handler", directory],
    works: COUNTED,
  },
  "metricsHandler({ redis })": {
    args: ({ address }) => [PROGRAM, "redis handler", "", address],
    works: /^gunicorn_sidecar_redis_connected 1$/m,
    redis: true,
  },
  "serveMetrics({ directory, hostname, port })": {
    args: ({ directory, address }) => [PROGRAM, "port", directory, address],
    works: /^port=\d+$/m,
    look: readyLook(200),
  },
  "gpe exporter": {
    args: ({ directory, address }) => [
      MAIN,
      "exporter",
      "--dir",
      directory,
      "--metrics-bind",
      "127.0.0.1",
      "--metrics-port",
      address.split(":")[1]!,
    ],
    works: /Serving metrics/,
    look: readyLook(200),
  },
  "gpe dump": { args: ({ directory }) => [MAIN, "dump", "--dir", directory], works: COUNTED },
  "gpe clean": {
    args: ({ directory }) => [MAIN, "clean", "--dir", directory],
    works: /^Retired writers: 1,/m,
  },
  "gpe dump --redis-url": {
    args: ({ address }) => [MAIN, "dump", "--redis-url", `redis://${address}`],
    works: /^/,
    redis: true,
  },
  "gpe serve": {
    args: ({ directory, address }) => [
      MAIN,
      "serve",
      new URL("examples/hello.ts", ROOT).pathname,
      "--dir",
      directory,
      "--bind",
      address,
      "--metrics-bind",
      "127.0.0.1",
      "--metrics-port",
      "0",
    ],
    works: /worker_1 is running/,
    look: helloLook,
  },
};

/** What a use that goes on without a permission shows instead. */
const INSTEAD: Readonly<Record<string, { works: RegExp; look?: Use["look"] }>> = {
  "openStorage({ directory }) --allow-ffi": { works: /^mapped=false$/m },
  "openStorage() --allow-ffi": { works: /^mapped=false$/m },
  "gpe serve --allow-ffi": { works: /worker_1 is running/, look: helloLook },
  "openStorage({ redis }) --allow-net": { works: /Requires net access to "\S+", .*[^]*^writer=/m },
  "openStorage({ redis }) --allow-sys": { works: /^writer=\d+@unknown~/m },
  "metricsHandler({ directory }) --allow-read": {
    works: /^Cannot read directory .* Requires read access.*\n[^]*^gpe_writers\{state="live"\} 0$/m,
  },
  "metricsHandler({ redis }) --allow-net": {
    works: /Requires net access[^]*^gunicorn_sidecar_redis_connected 0$/m,
  },
  "serveMetrics({ directory, hostname, port }) --allow-read": {
    works: /^port=/m,
    look: async ({ address }) => {
      const page = await (await fetch(`http://${address}/metrics`)).text();
      assertMatch(page, /^gpe_writers\{state="live"\} 0$/m);
      assertEquals(COUNTED.test(page), false);
    },
  },
  "gpe exporter --allow-read": { works: /Serving metrics/, look: readyLook(503) },
};

async function helloLook({ address, directory }: Place): Promise<void> {
  assertStringIncludes(await (await fetch(`http://${address}/`)).text(), "Hello");
  assert([...Deno.readDirSync(directory)].some(({ name }) => name.startsWith("counter_")));
}

function readyLook(status: number): NonNullable<Use["look"]> {
  return async ({ address }) => {
    const response = await fetch(`http://${address}/readyz`);
    await response.body?.cancel();
    assertEquals(response.status, status);
  };
}

/** Runs a use with these flags in a place of its own, where 3 was counted by a process that ended. */
async function attempt(
  use: Use,
  flags: readonly string[],
  redisAddress: string | undefined,
  check: (program: Spawned, place: Place) => Promise<void>,
): Promise<void> {
  await using temp = await tempDir();
  const place = {
    directory: `${temp.path}/metrics`,
    address: redisAddress ?? `127.0.0.1:${freePort()}`,
  };
  await count(place.directory);
  const words: Record<string, string> = {
    DIR: place.directory,
    ADDRESS: place.address,
    REDIS: place.address,
  };
  const given = flags.map((flag) =>
    flag.replace(/=(DIR|ADDRESS|REDIS)$/, (_, w) => `=${words[w]}`)
  );
  await using program = spawn(
    Deno.execPath(),
    ["run", "--no-prompt", "--no-check", ...given, ...use.args(place)],
    { env: use.env?.(place) ?? {} },
  );
  await check(program, place);
}

async function count(directory: string): Promise<void> {
  await using writer = openFilesystemWriter({
    directory,
    writer: "1",
    primitives: { ...denoFilePrimitives, identity: denoFilePrimitives.identity, mapper: undefined },
  });
  const cell = writer.allocate(
    "counter",
    undefined,
    '["counted_total", "counted_total", {}, "h"]',
  );
  cell.values[cell.index] = 3;
}

/** A program that should end, but does not, is stopped. */
const END_MS = 60_000;

async function endOf(program: Spawned): Promise<number> {
  const timer = setTimeout(() => void program.stop("SIGKILL"), END_MS);
  return (await program.status.finally(() => clearTimeout(timer))).code;
}

const works = (pattern: RegExp, look: Use["look"]) => async (program: Spawned, place: Place) => {
  if (look !== undefined) {
    await program.waitForOutput(pattern);
    await look(place, program);
    return;
  }
  assertEquals(await endOf(program), 0, program.stderr);
  assertEquals(program.stderr, "");
  assertMatch(program.stdout, pattern);
};

/** Checks that a program failed with one line that names what is missing. */
const fails = (flag: string) => async (program: Spawned) => {
  const code = await endOf(program);
  assert(code === 1 || code === 2, `${flag}: code ${code}, ${program.stdout}`);
  const kind = /^--allow-([a-z]+)/.exec(flag)![1]!;
  assertMatch(program.stderr, new RegExp(`^.*Requires (${kind}|read|write) access to .*\n$`));
};

const rows = readTable("permissions", PAGE.text);

/** What a use shows without one of its flags: that it fails, unless the page has something better. */
function checkWithout(name: string, flag: string): ReturnType<typeof works> {
  const key = `${name} ${flag.split("=")[0]}`;
  const instead = INSTEAD[key];
  assertEquals(instead !== undefined, LESSER.includes(key), key);
  return instead === undefined ? fails(flag) : works(instead.works, instead.look);
}

/** Tries uses, some beside each other: mostly they wait for what they have started. */
async function tryUses(t: Deno.TestContext, names: readonly string[], redis?: string) {
  const left = rows.filter(([name]) => names.includes(name!));
  const run = async (): Promise<void> => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      const [name, flagText] = row as [string, string];
      await t.step({
        name,
        // Those of other steps are open beside it.
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
        fn: () => tryUse(name, flagText.split(" ").filter(Boolean), redis),
      });
    }
  };
  await Promise.all([run(), run(), run()]);
}

async function tryUse(name: string, flags: readonly string[], redis?: string): Promise<void> {
  const use = USES[name]!;
  await Promise.all([
    attempt(use, flags, redis, works(use.works, use.look)),
    ...flags.map((flag) => {
      const others = flags.filter((other) => other !== flag);
      return attempt(use, others, redis, checkWithout(name, flag));
    }),
  ]);
}

const isRedis = (name: string): boolean => USES[name]!.redis === true;
const NAMES = Object.keys(USES);

Deno.test("Uses work with the permissions that are named, and with no less", (t) =>
  tryUses(t, NAMES.filter((name) => !isRedis(name))));

externalTest(
  "Uses of Redis work with the permissions that are named, and with no less",
  ["redis-server"],
  async (_, t) => {
    await using redis = await startRedis();
    await tryUses(t, NAMES.filter(isRedis), `127.0.0.1:${redis.port}`);
  },
);

Deno.test("docs/permissions.md names every use that is tested, and nothing twice", () => {
  assertEquals(rows.map(([name]) => name).sort(), Object.keys(USES).sort());
  assertEquals([...LESSER].sort(), Object.keys(INSTEAD).sort());
});
