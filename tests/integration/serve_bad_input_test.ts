import { assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { freePort } from "../support/free_port.ts";
import { type Finished, spawnGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  isRunning,
  serveArguments,
  startServing,
  waitForEnd,
} from "./serving.ts";

const HELLO = checkoutPath("examples/hello.ts");
const MOD = new URL("../../mod.ts", import.meta.url).href;

/** Runs `gpe serve` to its end, which has to come by itself, and checks that nothing is left. */
async function fail(
  app: string,
  directory: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  await using gpe = spawnGpe(serveArguments(app, directory, { flags }), { env });
  let code: number | undefined;
  gpe.status.then((status) => code = status.code);
  const children = new Set<number>();
  await waitFor(async () => {
    for (const pid of await childrenOf(gpe.pid)) children.add(pid);
    return code !== undefined;
  }, { deadlineMs: 60_000, what: () => `the end of gpe serve; it printed:\n${gpe.stderr}` });
  for (const pid of children) assertFalse(await isRunning(pid), `Worker ${pid} is left`);
  return { code: code!, stdout: gpe.stdout, stderr: gpe.stderr };
}

/** The one line that says what is wrong. */
function onlyLine({ stderr }: Finished): string {
  assertFalse(/^\s+at /m.test(stderr), stderr);
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.length, 1, stderr);
  return lines[0]!;
}

/** Runs an application given as text. */
async function failWith(source: string, flags: readonly string[] = []) {
  await using dir = await tempDir();
  const app = `${dir.path}/app.ts`;
  await Deno.writeTextFile(app, source);
  return { app, ...await fail(app, `${dir.path}/metrics`, flags) };
}

Deno.test("gpe serve exits 1 and removes nothing when the application's port is in use", async () => {
  await using dir = await tempDir();
  const directory = `${dir.path}/metrics`;
  await leaveFilesIn(directory);
  const before = names(directory);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${listener.addr.port}`;
  const finished = await fail(HELLO, directory, ["--bind", address]);
  assertEquals(finished.code, 1);
  assertStringIncludes(onlyLine(finished), `"${address}"`);
  assertMatch(finished.stderr, /in use, expected a free/);
  assertEquals(names(directory), before);
});

Deno.test("gpe serve exits 1 and removes nothing when the endpoint's port is in use", async () => {
  await using dir = await tempDir();
  const directory = `${dir.path}/metrics`;
  await leaveFilesIn(directory);
  const before = names(directory);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const finished = await fail(HELLO, directory, ["--metrics-port", String(port)]);
  assertEquals(finished.code, 1);
  assertStringIncludes(onlyLine(finished), `127.0.0.1:${port}`);
  assertMatch(finished.stderr, /in use, expected a free/);
  assertEquals(names(directory), before);
});

Deno.test("gpe serve exits 2 when the application's file is missing", async () => {
  await using dir = await tempDir();
  const app = `${dir.path}/nowhere.ts`;
  const finished = await fail(app, `${dir.path}/metrics`);
  assertEquals(finished.code, 2);
  assertStringIncludes(onlyLine(finished), JSON.stringify(app));
});

Deno.test("gpe serve exits 1 when the application has no handler", async () => {
  const finished = await failWith("export const answer = 42;\n");
  assertEquals(finished.code, 1);
  assertStringIncludes(
    onlyLine(finished),
    `Cannot serve ${JSON.stringify(finished.app)}: it has no handler, expected`,
  );
});

Deno.test("gpe serve exits 1 and names the line when the application is not valid code", async () => {
  const finished = await failWith("const a = 1;\nconst b = ;\n");
  assertEquals(finished.code, 1);
  assertMatch(onlyLine(finished), /Cannot load ".*app\.ts": SyntaxError: .*app\.ts:2:11/);
});

Deno.test("gpe serve exits 1 when the application imports what is missing", async () => {
  const finished = await failWith('import "./nowhere.ts";\n');
  assertEquals(finished.code, 1);
  assertMatch(onlyLine(finished), /Module not found.*nowhere\.ts.*app\.ts:1:8/);
});

Deno.test("gpe serve shows the stack when the log level is debug", async () => {
  const finished = await failWith("const b = ;\n", ["--log-level", "debug"]);
  assertEquals(finished.code, 1);
  assertStringIncludes(finished.stderr, "stack=");
});

Deno.test("gpe serve exits 1 when the directory cannot be made", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/file`, "");
  const directory = `${dir.path}/file/metrics`;
  const finished = await fail(HELLO, directory);
  assertEquals(finished.code, 1);
  assertStringIncludes(onlyLine(finished), `Cannot use directory ${JSON.stringify(directory)}`);
  assertEquals(await Deno.readTextFile(`${dir.path}/file`), "");
});

Deno.test({
  name: "gpe serve exits 1 when the directory is somebody else's",
  ignore: Deno.uid() !== 0,
  async fn() {
    await using dir = await tempDir();
    const directory = `${dir.path}/metrics`;
    await Deno.mkdir(directory);
    await Deno.chown(directory, 65534, 65534);
    const finished = await fail(HELLO, directory);
    assertEquals(finished.code, 1);
    assertMatch(onlyLine(finished), /owned by uid 65534, expected uid 0/);
    assertEquals(names(directory), []);
  },
});

Deno.test("gpe serve exits 1 and disturbs nobody when another master has the directory", async () => {
  await using first = await startServing(HELLO);
  await (await fetch(first.app)).text();
  const before = names(first.directory);
  await using gpe = spawnGpe(serveArguments(HELLO, first.directory));
  const { code } = await gpe.status;
  assertEquals(code, 1);
  assertMatch(gpe.stderr, new RegExp(`the master with pid ${first.gpe.pid} has it`));
  assertEquals(gpe.stderr.trimEnd().split("\n").length, 1);
  assertEquals(names(first.directory), before);
  assertEquals((await childrenOf(first.gpe.pid)).length, 2);
  await (await fetch(first.app)).text();
  assertEquals((await first.scrape()).get('gunicorn_master_signals_total{"signal":"chld"}'), 0);
});

const BAD_METRICS: Readonly<Record<string, { code: string; line: string }>> = {
  "an invalid metric name": {
    code: 'new Counter({ name: "a b", help: "x" });',
    line: 'Cannot name a metric: name is "a b", expected a match of /',
  },
  "an invalid label name": {
    code: 'new Counter({ name: "a", help: "x", labelNames: ["b-c"] });',
    line: 'Cannot name a label of "a": name is "b-c", expected a match of /',
  },
  "a metric registered twice": {
    code: 'new Counter({ name: "a", help: "x" }); new Counter({ name: "a", help: "x" });',
    line: 'Cannot register metric "a": the registry has another one of that name, expected',
  },
  "a label that was not declared": {
    code: 'new Counter({ name: "a", help: "x", labelNames: ["d"] }).inc({ b: "c" }, 1);',
    line: 'Cannot use counter "a": got label "b", expected none but its own ("d")',
  },
  "too few label values": {
    code: 'new Counter({ name: "a", help: "x", labelNames: ["d", "e"] }).labels("f");',
    line: 'Cannot use counter "a": got 1 label values, expected 2 ("d", "e")',
  },
  "a negative increment of a counter": {
    code: 'new Counter({ name: "a", help: "x" }).inc(-1);',
    line: 'Cannot add to counter "a": value is -1, expected a finite number of 0 or more',
  },
  "NaN as increment of a counter": {
    code: 'new Counter({ name: "a", help: "x" }).inc(NaN);',
    line: 'Cannot add to counter "a": value is NaN, expected a finite number of 0 or more',
  },
};

for (const [what, { code, line }] of Object.entries(BAD_METRICS)) {
  Deno.test(`gpe serve says why in one line and exits 1 when the application makes ${what}`, async () => {
    const finished = await failWith(`import { Counter } from ${JSON.stringify(MOD)};\n${code}\n`);
    assertEquals(finished.code, 1);
    assertMatch(onlyLine(finished), /Cannot load ".*app\.ts": .*app\.ts:2:\d+/);
    assertStringIncludes(finished.stderr, line);
  });
}

Deno.test("gpe serve backs off and gives up when the application ends at start over and over", async () => {
  await using dir = await tempDir();
  const starts = `${dir.path}/starts`;
  const app = checkoutPath("tests/fixtures/apps/exits_at_start.ts");
  const finished = await fail(app, `${dir.path}/metrics`, [], { TEST_STARTS_FILE: starts });
  assertEquals(finished.code, 1);
  assertEquals((await Deno.readTextFile(starts)).trimEnd().split("\n").length, 6);
  assertMatch(finished.stderr, /ended with exit code 3 before it was running; trying again/);
  assertMatch(finished.stderr, /gave up after 6 failed tries/);
});

/** A run that was killed, so that its files are still there. */
async function leaveFilesIn(directory: string): Promise<void> {
  const serving = await startServing(HELLO, { directory });
  try {
    const children = await childrenOf(serving.gpe.pid);
    await serving.gpe.stop("SIGKILL");
    await waitForEnd(children);
  } finally {
    await serving[Symbol.asyncDispose]();
  }
}

/** What is there, but for the note of a master that is dead: the next one takes its place. */
function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name)
    .filter((name) => !/^master_[0-9a-f]{8}\.lock$/.test(name)).sort();
}

Deno.test("gpe serve takes a port that was free a moment ago", async () => {
  const port = freePort();
  await using serving = await startServing(HELLO, { flags: ["--bind", `127.0.0.1:${port}`] });
  assertEquals(serving.app, `http://127.0.0.1:${port}`);
});
