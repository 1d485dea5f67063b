import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { externals } from "../support/externals.ts";
import { parseExposition, sampleKey, sumOf } from "../support/exposition.ts";
import { freePort } from "../support/free_port.ts";
import { makeOnce } from "../support/make_once.ts";
import { installCommand, PROGRAM_NAMES } from "../support/programs.ts";
import { cleanEnv, spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";

Deno.test("parseExposition() reads every sample as an exact double when labels are escaped", () => {
  const page = parseExposition([
    "# HELP a help",
    "# TYPE a counter",
    'a{z="1",b="x\\"y\\\\z\\nw}"} 0.30000000000000004',
    "a -0",
    'b_bucket{le="+Inf"} 7 # {trace="x"} 1 2',
    "c +Inf 1700000000",
    "d NaN",
    "# EOF",
    "",
  ].join("\n"));
  assertEquals([...page], [
    [sampleKey("a", { b: 'x"y\\z\nw}', z: "1" }), 0.1 + 0.2],
    ["a", -0],
    ['b_bucket{"le":"+Inf"}', 7],
    ["c", Infinity],
    ["d", NaN],
  ]);
});

Deno.test("parseExposition() refuses a page that is not one", () => {
  for (const page of ["a", "a x", 'a{b="1} 2', 'a{b="1"x} 2', "a 1\na 2"]) {
    assertThrows(() => parseExposition(page), Error, "Cannot parse");
  }
});

Deno.test("sumOf() adds the series of one name whose labels match", () => {
  const page = parseExposition('x{a="1",b="1"} 1\nx{a="1",b="2"} 2\nx{a="2"} 4\nx_y{a="1"} 8\n');
  assertEquals([sumOf(page, "x"), sumOf(page, "x", { a: "1" })], [7, 3]);
});

Deno.test("waitFor() gives the first value, and the last error when the deadline passes", async () => {
  let calls = 0;
  assertEquals(await waitFor(() => ++calls > 2 ? "there" : undefined, { intervalMs: 1 }), "there");
  const error = await assertRejects(
    () =>
      waitFor((): boolean => {
        throw new Error("not yet");
      }, { deadlineMs: 5, intervalMs: 1, what: "nothing" }),
    Error,
    "Gave up waiting for nothing",
  );
  assertEquals((error.cause as Error).message, "not yet");
});

Deno.test("spawn() collects both streams and ends the program by its pid", async () => {
  await using dir = await tempDir();
  const file = `${dir.path}/loop.js`;
  await Deno.writeTextFile(
    file,
    `console.log("ready " + Deno.env.get("GPE_X")); console.error("warn"); setInterval(() => {}, 1e6);`,
  );
  const program = spawn(Deno.execPath(), ["run", "-A", "--no-config", file], {
    env: { GPE_X: "7" },
    cwd: dir.path,
  });
  assertEquals((await program.waitForOutput(/ready (\d)/))[1], "7");
  await program.waitForOutput(/warn/);
  const status = await program.stop();
  assertEquals([status.success, status.signal], [false, "SIGTERM"]);
  await assertRejects(() => program.waitForOutput(/never/), Error, "ready 7");
});

Deno.test("cleanEnv() drops the exporter's own variables", () => {
  assertEquals(cleanEnv({ REDIS_HOST: "h" }).REDIS_HOST, "h");
  assertEquals(Object.keys(cleanEnv()).filter((name) => /^(GUNICORN|GPE)_/.test(name)), []);
});

Deno.test("freePort() gives a port that can be listened on", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: freePort() });
  assertNotEquals(listener.addr.port, 0);
});

Deno.test("freePort() gives nobody the same port at the same time, in whichever process", async () => {
  const module = new URL("../support/free_port.ts", import.meta.url).href;
  const own = Array.from({ length: 30 }, freePort);
  await using other = spawn(Deno.execPath(), [
    "eval",
    `import { freePort } from "${module}"; console.log(Array.from({ length: 30 }, freePort).join());`,
  ]);
  assertEquals((await other.status).code, 0);
  assertEquals(new Set([...own, ...other.stdout.split(",").map(Number)]).size, 60);
});

Deno.test("installCommand() names each Debian package once", () => {
  const command = installCommand(["promtool", "prometheus", "node"]);
  assertEquals(command.filter((part) => part === "prometheus"), ["prometheus"]);
  assertMatch(command.join(" "), /^apt-get install -y .*nodejs/);
  assertEquals(Object.keys(externals), PROGRAM_NAMES);
});

Deno.test("makeOnce() makes a directory once, and anew when it was not finished", async () => {
  await using temp = await tempDir();
  const path = `${temp.path}/cache/made`;
  let calls = 0;
  const make = async (target: string): Promise<void> => {
    calls++;
    await Deno.mkdir(target);
    if (calls === 1) throw new Error("cut off");
    await Deno.writeTextFile(`${target}/file`, `${calls}`);
  };
  await assertRejects(() => makeOnce(path, make), Error, "cut off");
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  await Promise.all([makeOnce(path, make), makeOnce(path, make), makeOnce(path, make)]);
  assertEquals([calls, await Deno.readTextFile(`${path}/file`)], [2, "2"]);
});
