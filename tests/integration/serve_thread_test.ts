import { assert, assertEquals, assertGreater, assertMatch, assertNotEquals } from "@std/assert";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { freePort } from "../support/free_port.ts";
import { runGpe, spawnGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  keptConnection,
  repeat,
  requestOnce,
  serveArguments,
  type ServeOptions,
  type Serving,
  startServing,
  waitForEnd,
} from "./serving.ts";

const HELLO = checkoutPath("examples/hello.ts");
const MISBEHAVES = checkoutPath("tests/fixtures/apps/misbehaves.ts");

function startThreads(app: string, options: ServeOptions): Promise<Serving> {
  return startServing(app, {
    ...options,
    flags: ["--worker-class", "thread", ...options.flags ?? []],
  });
}

/** The one process that holds the threads. */
async function hostOf(serving: Serving): Promise<number> {
  const children = await childrenOf(serving.gpe.pid);
  assertEquals(children.length, 1);
  return children[0]!;
}

async function get(serving: Serving, path = ""): Promise<string> {
  return await (await fetch(serving.app + path)).text();
}

/** The number of restarts that were counted. */
async function restarts(serving: Serving, reason: string, type: string): Promise<number> {
  return sumOf(await serving.scrape(), "gunicorn_worker_restart_count_total", {
    reason,
    restart_type: type,
  });
}

async function waitForRestarts(
  serving: Serving,
  count: number,
  reason: string,
  type: string,
): Promise<void> {
  await waitFor(async () => await restarts(serving, reason, type) === count, {
    what: () => `${count} restarts for ${reason}, ${type}; there is:\n${serving.gpe.stderr}`,
  });
}

async function waitForRunning(serving: Serving, workers: number): Promise<void> {
  await waitFor(async () => {
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_workers", { state: "running" }) === workers &&
      sumOf(samples, "gunicorn_workers") === workers;
  }, { what: () => `${workers} running workers; there is:\n${serving.gpe.stderr}` });
}

Deno.test("gpe serve counts 10,000 requests exactly when four threads share the port", async () => {
  await using serving = await startThreads(HELLO, { workers: 4 });
  const host = await hostOf(serving);
  await repeat(16, 16, async () => {
    using connection = await keptConnection(serving.app);
    for (let request = 0; request < 500; request++) assert(await connection.request());
  });
  await repeat(2000, 16, async () => assert(await requestOnce(`${serving.app}/`)));

  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), 10_000);
  assertEquals(sumOf(samples, "gunicorn_worker_request_duration_seconds_count"), 10_000);
  for (const worker_id of ["worker_1", "worker_2", "worker_3", "worker_4"]) {
    assertGreater(sumOf(samples, "gunicorn_worker_requests_total", { worker_id }), 0);
  }
  const writers = [...Deno.readDirSync(serving.directory)].flatMap(({ name }) =>
    /^writer_(.*)\.lock$/.exec(name)?.[1] ?? []
  );
  const ids = [`${host}`, `${host}-2`, `${host}-3`, `${host}-4`];
  assertEquals(writers.sort(), [`${serving.gpe.pid}`, ...ids].sort());
});

Deno.test("gpe serve shows memory and processor time of threads once", async () => {
  await using serving = await startThreads(HELLO, { workers: 2 });
  const samples = [...(await serving.scrape()).keys()];
  for (const name of ["gunicorn_worker_memory_bytes", "gunicorn_worker_cpu_percent"]) {
    assertEquals(samples.filter((key) => key.startsWith(name)), [
      `${name}{"worker_id":"worker_1"}`,
    ]);
  }
  assertEquals(samples.filter((key) => key.startsWith("gunicorn_worker_uptime_seconds")).length, 2);
});

for (
  const [path, code] of [["/throw", 1], ["/reject", 1], ["/exit", 5]] as const
) {
  Deno.test(`gpe serve replaces one thread alone when the application does ${path}`, async () => {
    await using serving = await startThreads(MISBEHAVES, { workers: 3 });
    const host = await hostOf(serving);
    await get(serving, path);
    await waitForRestarts(serving, 1, "exit", "crash");
    await waitForRunning(serving, 3);
    await serving.gpe.waitForOutput(new RegExp(`worker_\\d ended with exit code ${code}`));
    await repeat(30, 3, async () => assert(await requestOnce(`${serving.app}/`)));
    assertEquals(await hostOf(serving), host);
    const samples = await serving.scrape();
    assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), 31);
    assertEquals(sumOf(samples, "gunicorn_worker_restart_total"), 1);
  });
}

Deno.test("gpe serve replaces the process of a thread that hangs, the new one first", async () => {
  await using serving = await startThreads(MISBEHAVES, {
    workers: 3,
    flags: ["--timeout", "5", "--graceful-timeout", "20"],
  });
  const host = await hostOf(serving);
  const answer = get(serving, "/hang").catch((error) => error);
  await serving.gpe.waitForOutput(/hanging/);
  await waitForRestarts(serving, 1, "timeout", "forced");
  await waitForRestarts(serving, 2, "timeout", "graceful");
  await waitForEnd([host]);
  assert(await answer instanceof Error);
  await waitForRunning(serving, 3);
  assertNotEquals(await hostOf(serving), host);
  // No listener is left that swallows connections.
  await repeat(100, 4, async () => assert(await requestOnce(`${serving.app}/`)));
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), 100);
  assertEquals(sumOf(samples, "gunicorn_worker_restart_total"), 3);
  // Whoever could go on did so until another ran in its place.
  const log = serving.gpe.stderr;
  for (const [, worker] of log.matchAll(/(worker_\d) has ended \(timeout\)/g)) {
    assertMatch(
      log,
      new RegExp(`${worker} is running[^]*${worker} is running[^]*${worker} has ended`),
    );
  }
});

Deno.test("gpe serve stops when a thread hangs", async () => {
  await using serving = await startThreads(MISBEHAVES, {
    workers: 2,
    flags: ["--graceful-timeout", "1"],
  });
  const host = await hostOf(serving);
  const answer = get(serving, "/hang").catch((error) => error);
  await serving.gpe.waitForOutput(/hanging/);
  assertEquals((await serving.gpe.stop()).code, 0);
  await waitForEnd([host]);
  assert(await answer instanceof Error);
});

Deno.test("gpe serve leaves no thread that hangs when the master is killed", async () => {
  const serving = await startThreads(MISBEHAVES, { workers: 2 });
  try {
    const host = await hostOf(serving);
    const answer = get(serving, "/hang").catch((error) => error);
    await serving.gpe.waitForOutput(/hanging/);
    await serving.gpe.stop("SIGKILL");
    await waitForEnd([host]);
    assert(await answer instanceof Error);
  } finally {
    await serving[Symbol.asyncDispose]();
  }
});

Deno.test("gpe serve answers every request of kept connections when its threads are stopped", async () => {
  await using dir = await tempDir();
  const directory = `${dir.path}/metrics`;
  const serving = await startThreads(HELLO, { directory, workers: 3 });
  let answered = 0;
  try {
    const host = await hostOf(serving);
    const clients = Array.from({ length: 8 }, async () => {
      using connection = await keptConnection(serving.app);
      while (await connection.request()) answered++;
      answered++;
    });
    const stopped = waitFor(() => answered >= 200).then(() => serving.gpe.stop());
    await Promise.all([...clients, stopped]);
    assertEquals((await stopped).code, 0);
    await waitForEnd([host]);
  } finally {
    await serving[Symbol.asyncDispose]();
  }
  const { stdout } = await runGpe(["dump", "--dir", directory]);
  assertEquals(sumOf(parseExposition(stdout), "gunicorn_worker_requests_total"), answered);
});

Deno.test("gpe serve loads an application anew in another process of threads at SIGHUP", async () => {
  await using dir = await tempDir();
  const app = `${dir.path}/app.ts`;
  const write = (text: string) =>
    Deno.writeTextFile(app, `export default { fetch: () => new Response("${text}") };`);
  await write("old");
  await using serving = await startThreads(app, { workers: 2 });
  const host = await hostOf(serving);
  assertEquals(await get(serving), "old");
  await write("new");
  Deno.kill(serving.gpe.pid, "SIGHUP");
  await waitForRestarts(serving, 2, "hup", "graceful");
  await waitForEnd([host]);
  assertNotEquals(await hostOf(serving), host);
  assertEquals(await get(serving), "new");
});

Deno.test("gpe serve keeps its threads when the application cannot be loaded anew", async () => {
  await using dir = await tempDir();
  const app = `${dir.path}/app.ts`;
  await Deno.writeTextFile(app, 'export default { fetch: () => new Response("old") };');
  await using serving = await startThreads(app, { workers: 2 });
  const host = await hostOf(serving);
  await Deno.writeTextFile(app, 'throw new Error("broken on purpose");');
  Deno.kill(serving.gpe.pid, "SIGHUP");
  await serving.gpe.waitForOutput(
    /Cannot replace worker_1: .*broken on purpose.* \(.*app\.ts:1:7\)/,
  );
  await serving.gpe.waitForOutput(/Ended the reload/);
  assertEquals(await get(serving), "old");
  assert((await childrenOf(serving.gpe.pid)).includes(host));
});

Deno.test("gpe serve replaces a thread within its process after --max-requests", async () => {
  await using serving = await startThreads(HELLO, {
    workers: 2,
    flags: ["--max-requests", "100"],
  });
  const host = await hostOf(serving);
  let requests = 0;
  await waitFor(async () => {
    await repeat(20, 4, async () => {
      assert(await requestOnce(`${serving.app}/`));
      requests++;
    });
    return await restarts(serving, "max_requests", "graceful") >= 2;
  }, { what: () => `two restarts; there is:\n${serving.gpe.stderr}` });
  assertEquals(await hostOf(serving), host);
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), requests);
  assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
});

Deno.test("gpe serve adds a thread at SIGTTIN and takes one away at SIGTTOU", async () => {
  await using serving = await startThreads(HELLO, { workers: 1 });
  const host = await hostOf(serving);
  Deno.kill(serving.gpe.pid, "SIGTTIN");
  await waitForRunning(serving, 2);
  assertEquals(await hostOf(serving), host);
  Deno.kill(serving.gpe.pid, "SIGTTOU");
  await waitForRestarts(serving, 1, "ttou", "graceful");
  await waitForRunning(serving, 1);
  assertEquals(await hostOf(serving), host);
  assert(await requestOnce(`${serving.app}/`));
});

Deno.test("gpe serve says why an application cannot be loaded in threads", async () => {
  await using dir = await tempDir();
  const app = `${dir.path}/app.ts`;
  await Deno.writeTextFile(app, 'import "./missing.ts";');
  const { code, stderr } = await runGpe([
    "serve",
    app,
    "--worker-class",
    "thread",
    "--bind",
    `127.0.0.1:${freePort()}`,
    "--metrics-port",
    "0",
    "--dir",
    `${dir.path}/metrics`,
  ]);
  assertEquals(code, 1);
  assertMatch(stderr, /error Cannot load ".*app\.ts": Module not found .*missing\.ts/);
});

Deno.test("gpe serve runs threads with the permissions that are given", async () => {
  await using serving = await startThreads(MISBEHAVES, {
    workers: 2,
    flags: ["--deno-flag=--allow-ffi", "--deno-flag=--allow-net"],
  });
  const host = await hostOf(serving);
  assertEquals(await get(serving), String(host));
  assertEquals(sumOf(await serving.scrape(), "gunicorn_worker_requests_total"), 1);
});

Deno.test("gpe serve passes on what a thread prints as what a process prints", async () => {
  const app = checkoutPath("tests/fixtures/apps/prints.ts");
  const printed: string[] = [];
  for (const workerClass of ["process", "thread"]) {
    await using serving = await startServing(app, {
      workers: 1,
      flags: ["--worker-class", workerClass],
    });
    await serving.gpe.waitForOutput(/worker_1: the end/);
    await serving.gpe.stop();
    const output = `${serving.gpe.stdout}\n--\n${serving.gpe.stderr}`;
    printed.push(output.split("\n").filter((line) => /^\w+: |^--/.test(line)).join("\n"));
  }
  assertEquals(printed[1], printed[0]);
  assertMatch(printed[0]!, /^worker_1: somebody has 12% of /m);
});

Deno.test("gpe serve says that an application in a thread has no handler", async () => {
  await using dir = await tempDir();
  const app = `${dir.path}/app.ts`;
  await Deno.writeTextFile(app, "export const nothing = 1;");
  await using gpe = spawnGpe(
    serveArguments(app, `${dir.path}/metrics`, {
      workers: 1,
      flags: ["--worker-class", "thread"],
    }),
  );
  await gpe.waitForOutput(/warn worker_1: Cannot serve ".*app\.ts": it has no handler, expected /);
});

Deno.test("gpe serve replaces the process of threads that was told to end", async () => {
  await using serving = await startThreads(checkoutPath("tests/fixtures/apps/node_http.ts"), {
    workers: 2,
  });
  const host = await hostOf(serving);
  assert(await requestOnce(`${serving.app}/`));
  Deno.kill(host, "SIGTERM");
  await waitForRestarts(serving, 2, "exit", "graceful");
  await waitForEnd([host]);
  await waitForRunning(serving, 2);
  await hostOf(serving);
  assert(await requestOnce(`${serving.app}/`));
  assertEquals(sumOf(await serving.scrape(), "gunicorn_worker_requests_total"), 2);
});
