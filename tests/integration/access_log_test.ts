import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, keptConnection, serveArguments, startServing } from "./serving.ts";

const SPEAKS = checkoutPath("tests/fixtures/apps/speaks.ts");

async function readLines(path: string, count: number): Promise<string[]> {
  let text = "";
  await waitFor(async () => (text = await Deno.readTextFile(path)).split("\n").length > count, {
    what: () => `${count} lines in the log; there is:\n${text}`,
  });
  return text.trimEnd().split("\n");
}

Deno.test("gpe serve --access-log writes what clients asked, however they ask", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/access.log`;
  await using serving = await startServing(SPEAKS, {
    workers: 1,
    flags: ["--access-log", path],
  });
  const hello = await fetch(`${serving.app}/x?y=1`, {
    headers: { "referer": "http://example.com/", "user-agent": 'a "quoted" agent' },
  });
  assertEquals(await hello.text(), "Ω\n");
  await (await fetch(`${serving.app}/stream`)).text();
  await (await fetch(`${serving.app}/fail`)).text();
  await (await fetch(`${serving.app}/head`, { method: "HEAD" })).text();
  const { hostname, port } = new URL(serving.app);
  using hostile = await Deno.connect({ hostname, port: Number(port) });
  await hostile.write(
    Uint8Array.from(
      'GET /"\\ HTTP/1.1\r\nHost: h\r\nUser-Agent: \xe9\t-\r\nConnection: close\r\n\r\n',
      (character) => character.charCodeAt(0),
    ),
  );
  assertMatch(await new Response(hostile.readable).text(), /^HTTP\/1\.1 200 /);

  const lines = await readLines(path, 5);
  const rests = lines.map((line) => /^127\.0\.0\.1 - - \[[^\]]+\] (.*)$/.exec(line)?.[1]);
  const agent = /"(Deno\/[^"]*)"$/.exec(lines[1]!)?.[1];
  assertEquals(rests, [
    '"GET /x?y=1 HTTP/1.1" 200 3 "http://example.com/" "a \\x22quoted\\x22 agent"',
    `"GET /stream HTTP/1.1" 200 5 "-" "${agent}"`,
    `"GET /fail HTTP/1.1" 500 - "-" "${agent}"`,
    `"HEAD /head HTTP/1.1" 200 0 "-" "${agent}"`,
    '"GET /\\x22\\x5C HTTP/1.1" 200 3 "-" "\\xE9\\x09-"',
  ]);
});

Deno.test("gpe serve --access-log writes JSON of a node:http server", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/access.log`;
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/node_http.ts"), {
    workers: 1,
    flags: ["--access-log", path, "--access-log-format", "json"],
  });
  const size = (await (await fetch(`${serving.app}/a`)).bytes()).length;
  const [line] = await readLines(path, 1);
  const { time, remote, duration_seconds, user_agent, ...rest } = JSON.parse(line!);
  assertEquals(rest, {
    worker_id: "worker_1",
    method: "GET",
    target: "/a",
    protocol: "HTTP/1.1",
    status: 200,
    size_bytes: size,
    referer: null,
  });
  assert(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  assertMatch(remote, /127\.0\.0\.1$/);
  assert(duration_seconds >= 0 && duration_seconds < 60);
  assertStringIncludes(user_agent, "Deno/");
});

Deno.test("gpe serve --access-log loses and splits no line when the file is rotated", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/access.log`;
  let sent = 0;
  let rotations = 0;
  {
    await using serving = await startServing(checkoutPath("examples/hello.ts"), {
      workers: 2,
      flags: ["--access-log", path],
    });
    let rotating = true;
    const clients = Array.from({ length: 8 }, async () => {
      using connection = await keptConnection(serving.app);
      while (rotating) {
        sent++;
        await connection.request();
      }
    });
    for (; rotations < 5; rotations++) {
      const before = sent;
      await waitFor(() => sent > before + 500);
      await Deno.rename(path, `${path}.${rotations}`);
      Deno.kill(serving.gpe.pid, "SIGUSR1");
      await waitFor(() => Deno.statSync(path).size > 0, { what: "lines in the new file" });
    }
    rotating = false;
    await Promise.all(clients);
  }
  // Stopped: what was gathered is written.
  let lines = 0;
  for (const name of [path, ...Array.from({ length: rotations }, (_, i) => `${path}.${i}`)]) {
    const text = await Deno.readTextFile(name);
    assertEquals(text.at(-1), "\n", name);
    for (const line of text.trimEnd().split("\n")) {
      assertMatch(line, /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/ HTTP\/1\.1" 200 \d+ "-" "-"$/);
      lines++;
    }
  }
  assertEquals(lines, sent);
});

Deno.test("gpe serve passes lines of workers on with their names, the access log as it is", async () => {
  await using serving = await startServing(SPEAKS, {
    workers: 2,
    flags: ["--access-log", "-"],
  });
  const { gpe } = serving;
  await (await fetch(`${serving.app}/a`)).text();
  for (const worker of ["worker_1", "worker_2"]) {
    await waitFor(() =>
      gpe.stdout.includes(`\n${worker}: one line on stdout\n`) ||
      gpe.stdout.startsWith(`${worker}: one line on stdout\n`)
    );
    await waitFor(() =>
      gpe.stderr.includes(`\n${worker}: one line on stderr\n`) ||
      gpe.stderr.startsWith(`${worker}: one line on stderr\n`)
    );
  }
  await gpe.waitForOutput(/^127\.0\.0\.1 - - .* "GET \/a HTTP\/1\.1" 200 3 .*$/m);
});

Deno.test("gpe serve --log-format json wraps what workers print", async () => {
  await using serving = await startServing(SPEAKS, {
    workers: 1,
    flags: ["--log-format", "json"],
  });
  const { gpe } = serving;
  for (const stream of ["stdout", "stderr"] as const) {
    const found = await waitFor(() =>
      gpe[stream].split("\n").find((line) => line.includes(`one line on ${stream}`))
    );
    const { time, ...rest } = JSON.parse(found);
    assertEquals(rest, {
      level: "info",
      message: `one line on ${stream}`,
      worker_id: "worker_1",
      stream,
    });
    assert(Date.parse(time) > 0);
  }
});

Deno.test("gpe serve refuses an access log that cannot be written", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/none/access.log`;
  const { code, stderr } = await runGpe(
    serveArguments(SPEAKS, `${dir.path}/metrics`, { flags: ["--access-log", path] }),
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, `Cannot open the access log ${JSON.stringify(path)}: `);
});
