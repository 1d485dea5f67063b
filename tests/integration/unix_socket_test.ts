import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { runGpe, type Spawned, spawnGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, scrapePage, serveArguments } from "./serving.ts";

const HELLO = checkoutPath("examples/hello.ts");

/** Asks once on a connection of its own; the answer whole. */
async function ask(path: string, target: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(
    new TextEncoder().encode(`GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`),
  );
  return await new Response(connection.readable).text();
}

function serveSocket(app: string, directory: string, path: string, flags: string[] = []): Spawned {
  return spawnGpe(
    serveArguments(app, `${directory}/metrics`, {
      workers: 1,
      flags: ["--bind", `unix:${path}`, ...flags],
    }),
  );
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

for (const app of ["examples/hello.ts", "tests/fixtures/apps/node_http.ts"]) {
  Deno.test(`gpe serve --bind unix:PATH serves ${app} and refuses no client while it reloads`, async () => {
    await using dir = await tempDir();
    const path = `${dir.path}/app.sock`;
    await using gpe = serveSocket(checkoutPath(app), dir.path, path, [
      "--access-log",
      `${dir.path}/access.log`,
    ]);
    const [, metrics] = await gpe.waitForOutput(/Metrics endpoint +(http:\S+)/);
    assertStringIncludes(gpe.stdout, `Application      unix:${path}\n`);
    assertMatch(await ask(path, "/first"), /^HTTP\/1\.1 200 /);

    let asked = 1;
    let reloading = true;
    const client = (async () => {
      while (reloading) {
        assertMatch(await ask(path, "/next"), /^HTTP\/1\.1 200 /);
        asked++;
      }
    })();
    Deno.kill(gpe.pid, "SIGHUP");
    await gpe.waitForOutput(/worker_1 is running[\s\S]*worker_1 is running/);
    const after = asked;
    await waitFor(() => asked > after + 10);
    reloading = false;
    await client;
    assertEquals(sumOf(await scrapePage(metrics!), "gunicorn_worker_requests_total"), asked);

    await gpe.stop();
    assertEquals(await exists(path), false);
    const log = await Deno.readTextFile(`${dir.path}/access.log`);
    assertEquals(log.split("\n").length - 1, asked);
    assertMatch(log, /^- - - \[[^\]]+\] "GET \/first HTTP\/1\.1" 200 /);
  });
}

Deno.test("gpe serve --bind unix:PATH replaces the socket of a dead run, and takes no other's", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/app.sock`;
  {
    await using gpe = serveSocket(HELLO, dir.path, path);
    await gpe.waitForOutput(/worker_1 is running/);
    const other = await runGpe(
      serveArguments(HELLO, `${dir.path}/other`, {
        workers: 1,
        flags: ["--bind", `unix:${path}`],
      }),
    );
    assertEquals(other.code, 1);
    assertStringIncludes(other.stderr, "the socket is in use, expected a free one");
    assertMatch(await ask(path, "/"), /^HTTP\/1\.1 200 /);
    await gpe.stop("SIGKILL");
  }
  await waitFor(async () => await ask(path, "/").then(() => false, () => true));
  assertEquals(await exists(path), true);
  {
    await using gpe = serveSocket(HELLO, dir.path, path);
    await gpe.waitForOutput(/worker_1 is running/);
    assertMatch(await ask(path, "/"), /^HTTP\/1\.1 200 /);
  }
  await assertRejects(() => ask(path, "/"), Deno.errors.NotFound);
});

Deno.test("gpe serve --bind unix:PATH says what it cannot do", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/precious`, "text");
  const start = (path: string, ...flags: string[]) =>
    runGpe(
      serveArguments(HELLO, `${dir.path}/metrics`, {
        workers: 1,
        flags: ["--bind", `unix:${path}`, ...flags],
      }),
    );
  const cases = [
    [await start(`${dir.path}/precious`), 1, "there is a file, expected a socket or nothing"],
    [await start(`${dir.path}/${"x".repeat(120)}`), 1, "the path is too long"],
    [await start(`${dir.path}/none/app.sock`), 1, "No such file or directory"],
    [await start(`${dir.path}/app.sock`, "--workers", "2"), 2, "--workers is 2, expected 1"],
    [
      await start(`${dir.path}/app.sock`, "--certfile", "a", "--keyfile", "b"),
      2,
      "--certfile is given, expected none",
    ],
  ] as const;
  for (const [{ code, stderr }, expected, message] of cases) {
    assertEquals(code, expected, stderr);
    assertStringIncludes(stderr, message);
  }
  assertEquals(await Deno.readTextFile(`${dir.path}/precious`), "text");
});
