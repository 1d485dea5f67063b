import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { runGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { checkoutPath, type Serving, startServing } from "./serving.ts";

const fixture = (name: string): string => checkoutPath(`tests/fixtures/apps/${name}`);

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return text;
}

async function requests(serving: Serving): Promise<number> {
  return sumOf(await serving.scrape(), "gunicorn_worker_requests_total");
}

Deno.test("gpe serve serves an application that listens with node:http after a while", async () => {
  await using serving = await startServing(fixture("node_http.ts"));
  const pids = new Set<string>();
  for (let i = 0; i < 20; i++) pids.add(await get(`${serving.app}/${i}`));
  for (const answer of pids) assertMatch(answer, /^pid \d+$/);
  assertEquals(await requests(serving), 20);
});

Deno.test("gpe serve tells a thread that the application starts where metrics are stored", async () => {
  await using serving = await startServing(fixture("with_thread.ts"));
  for (let i = 0; i < 10; i++) assertEquals(await get(`${serving.app}/`), "taken");
  assertEquals((await serving.scrape()).get("test_taken_total"), 110);
});

Deno.test("gpe serve serves Express with the application's own import map", async () => {
  await using dir = await tempDir();
  const config = { imports: { express: "npm:express@5" }, lock: false };
  await Deno.writeTextFile(`${dir.path}/deno.json`, JSON.stringify(config));
  await Deno.writeTextFile(
    `${dir.path}/app.ts`,
    `import express from "express";
const app = express();
app.get("/hello", (_request, response) => response.send("hello from express"));
app.listen(3000);
`,
  );
  await using serving = await startServing(`${dir.path}/app.ts`, { workers: 1 });
  for (let i = 0; i < 5; i++) assertEquals(await get(`${serving.app}/hello`), "hello from express");
  const { status, body } = await fetch(`${serving.app}/nowhere`);
  await body?.cancel();
  assertEquals(status, 404);
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_responses_total", { code: "200" }), 5);
  assertEquals(sumOf(samples, "gunicorn_worker_responses_total", { code: "404" }), 1);
});

Deno.test("gpe serve finds the packages of the application's own package.json", async () => {
  await using dir = await tempDir();
  const files: Readonly<Record<string, string>> = {
    "package.json": JSON.stringify({ dependencies: { greeting: "1.0.0" } }),
    "node_modules/greeting/package.json": JSON.stringify({
      name: "greeting",
      version: "1.0.0",
      main: "main.js",
    }),
    "node_modules/greeting/main.js": 'module.exports = "hello from a package";\n',
    "app.ts": `import greeting from "greeting";
export default { fetch: () => new Response(greeting) };
`,
  };
  await Deno.mkdir(`${dir.path}/node_modules/greeting`, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${dir.path}/${name}`, text);
  }
  await using serving = await startServing(`${dir.path}/app.ts`, { workers: 1 });
  assertEquals(await get(serving.app), "hello from a package");
});

Deno.test("gpe serve leaves a second Deno.serve on its own port and says so", async () => {
  await using serving = await startServing(fixture("two_servers.ts"), { workers: 1 });
  const port = (await serving.gpe.waitForOutput(/second on (\d+)/))[1]!;
  assertEquals(await get(serving.app), "first");
  assertEquals(await get(`http://127.0.0.1:${port}`), "second");
  await serving.gpe.waitForOutput(/worker_1: The application serves another address/);
  assertEquals(await requests(serving), 1);
});

Deno.test("gpe serve is not disturbed when the application uses the channel to its parent", async () => {
  await using serving = await startServing(fixture("uses_ipc.ts"), { workers: 1 });
  assertEquals(await get(serving.app), "fine");
  assertFalse(serving.gpe.stdout.includes("a message that is none"));
  assertEquals((await serving.gpe.stop()).code, 0);
});

Deno.test("gpe serve gives the workers only the permissions that are asked for", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(
    `${dir.path}/app.ts`,
    `const state = (name: Deno.PermissionName) => Deno.permissions.querySync({ name }).state;
export default {
  fetch: () => Response.json({ env: state("env"), run: state("run"), ffi: state("ffi") }),
};
`,
  );
  await using serving = await startServing(`${dir.path}/app.ts`, {
    flags: ["--deno-flag=--allow-env", "--deno-flag=--allow-ffi"],
  });
  const granted = { env: "granted", run: "prompt", ffi: "granted" };
  assertEquals(JSON.parse(await get(serving.app)), granted);
  assertEquals(await requests(serving), 1);
});

Deno.test("gpe serve writes Python's older layout when asked", async () => {
  await using serving = await startServing(checkoutPath("examples/hello.ts"), {
    flags: ["--layout", "value"],
  });
  for (let i = 0; i < 7; i++) await get(serving.app);
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), 7);
  assertEquals(sumOf(samples, "gunicorn_workers", { state: "running" }), 2);
  const files = [...Deno.readDirSync(serving.directory)].map(({ name }) => name);
  assert(files.some((name) => name.startsWith("gauge_livemax_")), String(files));
  assertFalse(files.some((name) => name.includes("mostrecent")), String(files));
});

Deno.test("gpe serve passes whole lines of the workers on", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(
    `${dir.path}/app.ts`,
    `export default {
  fetch() {
    console.log("out of " + Deno.pid);
    console.error("err of " + Deno.pid);
    return new Response();
  },
};
`,
  );
  await using serving = await startServing(`${dir.path}/app.ts`);
  for (let i = 0; i < 10; i++) await get(serving.app);
  await serving.gpe.stop();
  const outputs = serving.gpe.stdout.split("\n").filter((line) => line.includes("out of"));
  const errors = serving.gpe.stderr.split("\n").filter((line) => line.includes("err of"));
  assertEquals([outputs.length, errors.length], [10, 10]);
  for (const line of outputs) assertMatch(line, /^worker_[12]: out of \d+$/);
  for (const line of errors) assertMatch(line, /^worker_[12]: err of \d+$/);
});

Deno.test("gpe dump prints what the workers of a stopped service counted", async () => {
  await using dir = await tempDir();
  const directory = `${dir.path}/metrics`;
  {
    await using serving = await startServing(checkoutPath("examples/hello.ts"), { directory });
    for (let i = 0; i < 3; i++) await get(serving.app);
  }
  const { code, stdout } = await runGpe(["dump", "--dir", directory]);
  assertEquals(code, 0);
  const counted = stdout.split("\n").filter((line) =>
    line.startsWith("gunicorn_worker_requests_total{")
  );
  assertEquals(counted.map((line) => Number(line.split(" ")[1])).reduce((a, b) => a + b), 3);
  assertStringIncludes(stdout, 'gunicorn_master_signals_total{signal="term"} 1');
});

Deno.test("gpe serve serves the application when its workers may not write metrics", async () => {
  await using dir = await tempDir();
  const directory = `${dir.path}/metrics`;
  await using serving = await startServing(checkoutPath("examples/hello.ts"), {
    workers: 1,
    directory,
    flags: [`--deno-flag=--deny-write=${directory}`],
  });
  assertEquals(await get(serving.app), "Hello from one of the workers\n");
  assertMatch(serving.gpe.stderr, /error worker_1: Cannot store the metrics of this worker/);
  assertEquals(sumOf(await serving.scrape(), "gunicorn_workers", { state: "running" }), 1);
});

Deno.test("gpe serve runs the application as the main module", async () => {
  const apps: Readonly<Record<string, string>> = {
    "guarded.ts": 'if (import.meta.main) Deno.serve(() => new Response("main"));\n',
    "guarded.cjs": `const server = require("node:http").createServer((_, out) => out.end("main"));
if (require.main === module) server.listen(3000);
module.exports = server;
`,
    "exported.ts": `await Promise.resolve();
export default { fetch: () => new Response(import.meta.main ? "main" : "not main") };
`,
  };
  await using dir = await tempDir();
  for (const [name, code] of Object.entries(apps)) {
    const app = `${dir.path}/${name}`;
    await Deno.writeTextFile(app, code);
    await using serving = await startServing(app, { workers: 1 });
    assertEquals(await get(serving.app), "main", name);
    assertEquals(await requests(serving), 1);
    await serving.gpe.stop("SIGTERM");
    assertFalse(serving.gpe.stderr.includes("deno serve"), serving.gpe.stderr);
  }
});

Deno.test("gpe serve evaluates each module of the application once, under its own name", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/part.ts`, 'console.log("part"); export const part = 1;\n');
  await Deno.writeTextFile(
    `${dir.path}/app.ts`,
    `import { part } from "./part.ts";
console.log("app", part, new Error("here").stack?.match(/app\\.ts[^)]*/)?.[0]);
export default { fetch: () => new Response() };
`,
  );
  await using serving = await startServing(`${dir.path}/app.ts`, { workers: 1 });
  await serving.gpe.stop("SIGTERM");
  const printed = serving.gpe.stdout.split("\n").filter((line) => /: (app|part)\b/.test(line));
  assertEquals(printed, ["worker_1: part", "worker_1: app 1 app.ts:2:26"]);
});

Deno.test("gpe serve loads what the application imports when its workers may not read it", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(`${dir.path}/app`);
  await Deno.writeTextFile(`${dir.path}/shared.ts`, 'export const text = "shared";\n');
  await Deno.writeTextFile(
    `${dir.path}/app/app.ts`,
    'import { text } from "../shared.ts";\nexport default { fetch: () => new Response(text) };\n',
  );
  await using serving = await startServing(`${dir.path}/app/app.ts`, {
    workers: 1,
    flags: ["--deno-flag=--allow-net"],
  });
  assertEquals(await get(serving.app), "shared");
});
