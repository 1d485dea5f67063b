import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { runGpe, spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, keptConnection, serveArguments, startServing } from "./serving.ts";

const HELLO = checkoutPath("examples/hello.ts");

Deno.test("gpe serve --pid names the master while it runs", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/gpe.pid`;
  await Deno.writeTextFile(path, "4194305\n"); // above the highest pid of Linux: nobody has it
  const serving = await startServing(HELLO, { workers: 1, flags: ["--pid", path] });
  try {
    assertEquals(await Deno.readTextFile(path), `${serving.gpe.pid}\n`);
    const second = await runGpe(
      serveArguments(HELLO, `${dir.path}/second`, { flags: ["--pid", path] }),
    );
    assertEquals(second.code, 1);
    assertStringIncludes(second.stderr, `process ${serving.gpe.pid} is running`);
    assertEquals(await Deno.readTextFile(path), `${serving.gpe.pid}\n`);
  } finally {
    await serving[Symbol.asyncDispose]();
  }
  const left = [...Deno.readDirSync(dir.path)].map(({ name }) => name);
  assertEquals(left.filter((name) => name.startsWith("gpe.pid")), []);
});

Deno.test("gpe serve --pid replaces a file whose pid another program has got, and no other file", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/gpe.pid`;
  await using other = new Deno.Command("sleep", { args: ["600"] }).spawn();
  await Deno.writeTextFile(path, String(other.pid));
  {
    await using serving = await startServing(HELLO, { workers: 1, flags: ["--pid", path] });
    assertEquals(await Deno.readTextFile(path), `${serving.gpe.pid}\n`);
  }
  await Deno.writeTextFile(path, "precious\n");
  const end = await runGpe(
    serveArguments(HELLO, `${dir.path}/metrics`, { flags: ["--pid", path] }),
  );
  assertEquals(end.code, 1);
  assertStringIncludes(end.stderr, "it holds no pid");
  assertEquals(await Deno.readTextFile(path), "precious\n");
});

Deno.test("gpe serve --chdir works in that directory, also for relative paths", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(`${dir.path}/site`);
  await Deno.writeTextFile(
    `${dir.path}/site/app.ts`,
    "export default { fetch: () => new Response(Deno.cwd()) };\n",
  );
  const flags = ["--chdir", `${dir.path}/site`, "--pid", "gpe.pid", "--access-log", "access.log"];
  await using serving = await startServing("app.ts", { workers: 1, flags });
  assertEquals(await (await fetch(serving.app)).text(), await Deno.realPath(`${dir.path}/site`));
  for (const name of ["gpe.pid", "access.log"]) {
    assert((await Deno.stat(`${dir.path}/site/${name}`)).isFile);
  }
  const wrong = await runGpe(
    serveArguments("app.ts", `${dir.path}/metrics`, { flags: ["--chdir", `${dir.path}/none`] }),
  );
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, `--chdir is "${dir.path}/none"`);
});

Deno.test("gpe serve --env adds to the workers' environment, and keeps systemd's to itself", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(
    `${dir.path}/app.ts`,
    `export default {
  fetch: () => Response.json(["MODE", "LIST", "INHERITED", "WATCHDOG_USEC"].map((name) => Deno.env.get(name) ?? null)),
};
`,
  );
  await using serving = await startServing(`${dir.path}/app.ts`, {
    workers: 1,
    flags: ["--env", "MODE=test", "--env", "LIST=a=b c"],
    env: { INHERITED: "yes", MODE: "other", WATCHDOG_USEC: "60000000" },
  });
  assertEquals(await (await fetch(serving.app)).json(), ["test", "a=b c", "yes", null]);
});

Deno.test("gpe config shows the names of --env and none of its values", async () => {
  const { stdout, code } = await runGpe(["config", "--env", "API_KEY=hush", "--env", "MODE=test"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "API_KEY MODE");
  assertFalse(stdout.includes("hush"));
});

externalTest("gpe serve tells systemd its state", ["python3"], async ({ python3 }) => {
  await using dir = await tempDir();
  const socket = `${dir.path}/notify`;
  const receiver = checkoutPath("tests/support/notify_socket.py");
  await using systemd = spawn(python3, [receiver, socket]);
  await systemd.waitForOutput(/^bound$/m);
  {
    await using serving = await startServing(HELLO, {
      workers: 1,
      env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "100000" },
    });
    await systemd.waitForOutput(/^READY=1$/m);
    await systemd.waitForOutput(/^WATCHDOG=1$/m);
    Deno.kill(serving.gpe.pid, "SIGHUP");
    await systemd.waitForOutput(/^RELOADING=1\|MONOTONIC_USEC=\d+\n(WATCHDOG=1\n)*READY=1$/m);
  }
  await systemd.waitForOutput(/^STOPPING=1$/m);
  const told = systemd.stdout.replace(/WATCHDOG=1\n/g, "").replace(/\d{2,}/, "TIME");
  assertEquals(told, "bound\nREADY=1\nRELOADING=1|MONOTONIC_USEC=TIME\nREADY=1\nSTOPPING=1\n");
});

Deno.test("gpe serve --reload replaces the workers when a module changes", async () => {
  await using dir = await tempDir();
  const answer = `${dir.path}/answer.ts`;
  await Deno.writeTextFile(answer, 'export const answer = "before";\n');
  await Deno.writeTextFile(
    `${dir.path}/app.ts`,
    'import { answer } from "./answer.ts";\n' +
      "export default { fetch: () => new Response(answer) };\n",
  );
  await using serving = await startServing(`${dir.path}/app.ts`, {
    workers: 1,
    flags: ["--reload"],
  });
  const ask = async (): Promise<string> => await (await fetch(serving.app)).text();
  assertEquals(await ask(), "before");
  // Nobody says when the watching has begun.
  await waitFor(async () => {
    if (await ask() === "after") return true;
    if (!serving.gpe.stderr.includes("Reloading: ")) {
      await Deno.writeTextFile(answer, 'export const answer = "after";\n');
    }
    return false;
  }, { intervalMs: 250, what: () => `the new answer; there is:\n${serving.gpe.stderr}` });
  assertStringIncludes(serving.gpe.stderr, `path=${answer}`);
});

Deno.test("gpe serve --keepalive closes idle connections of a node:http server", async () => {
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/node_http.ts"), {
    workers: 1,
    flags: ["--keepalive", "0.1"],
  });
  using connection = await keptConnection(serving.app);
  assertEquals(await connection.request(), true);
  // Node, and Deno with it, waits a second longer. Without the flag it would be five.
  const started = performance.now();
  await connection.closed();
  assert(performance.now() - started < 4500);
  assertMatch(serving.gpe.stderr, /--keepalive is in force for servers of node:http; Deno\.serve/);
});
