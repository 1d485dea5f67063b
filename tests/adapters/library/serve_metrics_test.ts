import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type Log, serveMetrics } from "../../../mod.ts";
import { freePort } from "../../support/free_port.ts";
import { spawn } from "../../support/spawn.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { waitFor } from "../../support/wait_for.ts";

const hostname = "127.0.0.1";

/** A log that keeps its lines. */
function linesOf(): { lines: string[]; log: Log } {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  return { lines, log: { debug: note, info: note, warn: note, error: note } };
}

async function statusOf(port: number, path: string): Promise<number> {
  const response = await fetch(`http://${hostname}:${port}${path}`);
  await response.body?.cancel();
  return response.status;
}

Deno.test("serveMetrics() has one listen, and another take over when that one ends", async () => {
  await using temp = await tempDir();
  const port = freePort();
  const { lines, log } = linesOf();
  const options = { hostname, port, directory: temp.path, log };
  const first = await serveMetrics(options);
  await using second = await serveMetrics(options);
  assertEquals([first.port, second.port], [port, undefined]);
  for (const path of ["/metrics", "/healthz", "/readyz", "/"]) {
    assertEquals(await statusOf(port, path), 200, path);
  }
  await first[Symbol.asyncDispose]();
  assertEquals(first.port, undefined);
  await waitFor(() => second.port === port);
  assertEquals(await statusOf(port, "/metrics"), 200);
  // Standing by is nothing to tell.
  assertEquals(lines, ["Serving metrics", "Serving metrics"]);
});

Deno.test("serveMetrics() says once that another program has the port, and listens when it is free", async () => {
  await using temp = await tempDir();
  let asked = 0;
  const other = Deno.serve({ hostname, port: 0, onListen() {} }, () => {
    asked++;
    return new Response("ok\n");
  });
  const { port } = other.addr;
  const { lines, log } = linesOf();
  await using metrics = await serveMetrics({ hostname, port, directory: temp.path, log });
  assertEquals(metrics.port, undefined);
  await waitFor(() => asked > 1);
  const line = `Cannot listen on "127.0.0.1:${port}" for the metrics: another program has the ` +
    "port, expected a free one; trying again until it is";
  assertEquals(lines, [line]);
  await other.shutdown();
  await waitFor(() => metrics.port === port);
  assertEquals(lines, [line, "Serving metrics"]);
});

Deno.test("serveMetrics() tells a service with another storage from its own", async () => {
  await using temp = await tempDir();
  const { lines, log } = linesOf();
  await using other = await serveMetrics({ hostname, port: 0, directory: `${temp.path}/a`, log });
  const port = other.port!;
  await using _metrics = await serveMetrics({
    hostname,
    port,
    directory: `${temp.path}/b`,
    log,
  });
  await waitFor(() => lines.length > 1);
  assertMatch(lines[1]!, /^Cannot listen on .* another program has the port/);
});

Deno.test("serveMetrics() takes something that never answers for another program", async () => {
  await using temp = await tempDir();
  using silent = Deno.listen({ hostname, port: 0 });
  const { lines, log } = linesOf();
  const { port } = silent.addr;
  await using _metrics = await serveMetrics({ hostname, port, directory: temp.path, log });
  await waitFor(() => lines.length > 0);
  assertMatch(lines[0]!, /^Cannot listen on .* another program has the port/);
});

Deno.test("serveMetrics() rejects where the address can never be listened on", async () => {
  const error = await assertRejects(
    () => serveMetrics({ hostname: "192.0.2.1", port: 9091, directory: "/nowhere" }),
    Error,
  );
  assertEquals(
    error.message,
    'Cannot listen on "192.0.2.1:9091" for the metrics endpoint: this machine does not have that ' +
      "address, expected one of its own",
  );
});

const MODULE = JSON.stringify(new URL("../../../mod.ts", import.meta.url).href);

Deno.test("serveMetrics() is no reason for a process to go on", async () => {
  await using temp = await tempDir();
  await Deno.writeTextFile(
    `${temp.path}/program.ts`,
    `import { Counter, openStorage, serveMetrics } from ${MODULE};
    openStorage({ directory: "${temp.path}/metrics" });
    new Counter({ name: "jobs_total", help: "h" }).inc(3);
    const metrics = await serveMetrics({ hostname: "127.0.0.1", port: 0 });
    const standing = await serveMetrics({ hostname: "127.0.0.1", port: metrics.port });
    const page = await fetch(\`http://127.0.0.1:\${metrics.port}/metrics\`);
    console.log(standing.port, await page.text());`,
  );
  await using program = spawn(Deno.execPath(), ["run", "-A", "--no-check", "program.ts"], {
    cwd: temp.path,
  });
  assertEquals((await program.status).code, 0, program.stderr);
  assertStringIncludes(program.stdout, "undefined # HELP");
  assertStringIncludes(program.stdout, "\njobs_total 3\n");
  assertEquals(program.stderr, "");
});
