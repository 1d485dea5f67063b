import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertMatch,
} from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { freePort } from "../support/free_port.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  isRunning,
  repeat,
  requestOnce,
  type Serving,
  startServing,
  waitForEnd,
} from "./serving.ts";

const HELLO = checkoutPath("examples/hello.ts");
const MISBEHAVES = checkoutPath("tests/fixtures/apps/misbehaves.ts");

/** Sends a request that is never answered. */
function provoke(serving: Serving, path: string): Promise<unknown> {
  return fetch(serving.app + path).then((response) => response.text()).catch((error) => error);
}

async function waitForRestart(serving: Serving, reason: string, type: string): Promise<void> {
  await waitFor(async () =>
    sumOf(await serving.scrape(), "gunicorn_worker_restart_count_total", {
      reason,
      restart_type: type,
    }) === 1, { what: () => `a restart for ${reason}, ${type}; there is:\n${serving.gpe.stderr}` });
}

Deno.test("gpe serve kills and replaces a worker whose event loop does not turn", async () => {
  await using serving = await startServing(MISBEHAVES, {
    workers: 1,
    flags: ["--timeout", "2"],
  });
  const [worker] = await childrenOf(serving.gpe.pid);
  const answer = provoke(serving, "/hang");
  await waitForRestart(serving, "timeout", "forced");
  assert(await answer instanceof Error);
  await waitForEnd([worker!]);
  await serving.gpe.waitForOutput(/timed out and was killed[^]*worker_1 is running/);
  assertMatch(await (await fetch(serving.app)).text(), /^\d+$/);
});

Deno.test("gpe serve leaves a busy worker alone when its event loop turns in time", async () => {
  await using serving = await startServing(HELLO, { workers: 1, flags: ["--timeout", "3"] });
  const workers = await childrenOf(serving.gpe.pid);
  const end = performance.now() + 4000;
  while (performance.now() < end) await repeat(200, 16, async () => void await get(serving));
  assertEquals(await childrenOf(serving.gpe.pid), workers);
  assertEquals(sumOf(await serving.scrape(), "gunicorn_worker_restart_total"), 0);
});

async function get(serving: Serving): Promise<string> {
  return await (await fetch(serving.app)).text();
}

Deno.test("gpe serve tells a worker that ran out of heap from other signals", async () => {
  await using serving = await startServing(MISBEHAVES, {
    workers: 1,
    flags: ["--deno-flag=--v8-flags=--max-old-space-size=64"],
  });
  const answer = provoke(serving, "/eat");
  await waitForRestart(serving, "oom", "crash");
  assert(await answer instanceof Error);
  await serving.gpe.waitForOutput(/worker_1 ended with SIG[A-Z]+, out of memory/);
});

Deno.test("gpe serve replaces a worker that has had its number of requests", async () => {
  await using serving = await startServing(MISBEHAVES, {
    workers: 1,
    flags: ["--max-requests", "50", "--max-requests-jitter", "10"],
  });
  const first = await get(serving);
  let requests = 1;
  await waitFor(async () => {
    requests++;
    return await requestOnce(serving.app + "/") && await get(serving) !== first;
  }, { intervalMs: 1 });
  await waitForRestart(serving, "max_requests", "graceful");
  assertGreaterOrEqual(sumOf(await serving.scrape(), "gunicorn_worker_requests_total"), 50);
});

Deno.test("gpe serve adds a worker at SIGTTIN and takes one away at SIGTTOU", async () => {
  await using serving = await startServing(HELLO, { workers: 1 });
  const running = async (wanted: number): Promise<void> => {
    await waitFor(async () => {
      const samples = await serving.scrape();
      return sumOf(samples, "gunicorn_workers", { state: "running" }) === wanted &&
        sumOf(samples, "gunicorn_workers") === wanted;
    });
  };
  Deno.kill(serving.gpe.pid, "SIGTTIN");
  await running(2);
  assertEquals((await childrenOf(serving.gpe.pid)).length, 2);
  Deno.kill(serving.gpe.pid, "SIGTTOU");
  await running(1);
  await waitForRestart(serving, "ttou", "graceful");
  Deno.kill(serving.gpe.pid, "SIGTTOU");
  await serving.gpe.waitForOutput(/Cannot take a worker away/);
  await running(1);
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_master_signals_total", { signal: "ttin" }), 1);
  assertEquals(sumOf(samples, "gunicorn_master_signals_total", { signal: "ttou" }), 2);
  assertEquals(
    sumOf(samples, "gunicorn_worker_state", { worker_id: "worker_2", state: "dead" }),
    1,
  );
});

Deno.test("gpe serve keeps the workers it has when the reloaded application does not start", async () => {
  await using dir = await tempDir();
  const app = `${dir.path}/app.ts`;
  await Deno.writeTextFile(app, 'export default { fetch: () => new Response("one") };\n');
  // An old worker waits for a client that keeps its idle connection, as the one of this test does.
  await using serving = await startServing(app, { flags: ["--graceful-timeout", "3"] });
  await Deno.writeTextFile(app, "throw new Error(`not this time`);\n");
  Deno.kill(serving.gpe.pid, "SIGHUP");
  await serving.gpe.waitForOutput(/Cannot replace worker_1[^\n]*not this time[^]*Ended the reload/);
  assertEquals(await get(serving), "one");
  await Deno.writeTextFile(app, 'export default { fetch: () => new Response("two") };\n');
  Deno.kill(serving.gpe.pid, "SIGHUP");
  await serving.gpe.waitForOutput(/Reloaded/);
  await waitFor(async () => {
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_worker_restart_total", { reason: "hup" }) === 2 &&
      sumOf(samples, "gunicorn_workers", { state: "running" }) === 2;
  });
  assertEquals(await get(serving), "two");
});

Deno.test("gpe serve counts signals that mean nothing", async () => {
  await using serving = await startServing(HELLO, { workers: 1 });
  for (const signal of ["SIGUSR2", "SIGWINCH"] as const) Deno.kill(serving.gpe.pid, signal);
  await waitFor(async () => {
    const samples = await serving.scrape();
    return ["usr2", "winch"].every((signal) =>
      sumOf(samples, "gunicorn_master_signals_total", { signal }) === 1
    );
  });
  await serving.gpe.waitForOutput(/Ignored SIGUSR2/);
  assertEquals(await get(serving), "Hello from one of the workers\n");
});

Deno.test("gpe serve cuts requests off within seconds when it gets SIGQUIT", async () => {
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/never_ends.ts"), {
    workers: 1,
    flags: ["--graceful-timeout", "600"],
  });
  const answer = provoke(serving, "/");
  await serving.gpe.waitForOutput(/a request that never ends/);
  assertEquals((await serving.gpe.stop("SIGQUIT")).code, 0);
  assert(await answer instanceof Error);
});

for (
  const [how, flags] of [
    ["with FFI", []],
    ["without FFI", ["--deno-flag=--allow-all", "--deno-flag=--deny-ffi"]],
  ] as const
) {
  Deno.test(`a worker in a loop ends when its master is killed, ${how}`, async () => {
    await using dir = await tempDir();
    const directory = `${dir.path}/metrics`;
    const bind = `127.0.0.1:${freePort()}`;
    const options = { workers: 1, directory, flags: ["--bind", bind, ...flags] };
    const serving = await startServing(MISBEHAVES, options);
    try {
      const [worker] = await childrenOf(serving.gpe.pid);
      const answer = provoke(serving, "/hang");
      await serving.gpe.waitForOutput(/hanging/);
      await serving.gpe.stop("SIGKILL");
      const killed = performance.now();
      // The next master waits for it, and gets the port.
      await using next = await startServing(MISBEHAVES, options);
      assertEquals(await isRunning(worker!), false);
      assertGreater(15_000, performance.now() - killed);
      assert(await answer instanceof Error);
      assertMatch(await get(next), /^\d+$/);
    } finally {
      await serving[Symbol.asyncDispose]();
    }
  });
}

for (const workerClass of ["process", "thread"]) {
  Deno.test(`gpe serve spreads 1,000 new connections over four workers (${workerClass})`, async () => {
    await using serving = await startServing(HELLO, {
      workers: 4,
      flags: ["--worker-class", workerClass],
    });
    await repeat(1000, 8, async () => assert(await requestOnce(`${serving.app}/`)));
    const samples = await serving.scrape();
    for (const worker_id of ["worker_1", "worker_2", "worker_3", "worker_4"]) {
      assertGreaterOrEqual(sumOf(samples, "gunicorn_worker_requests_total", { worker_id }), 125);
    }
  });
}

Deno.test("gpe serve leaves a worker alone that keeps the channel to its master busy", async () => {
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/floods_ipc.ts"), {
    workers: 1,
    flags: ["--timeout", "2"],
  });
  const pid = await get(serving);
  const end = performance.now() + 3000;
  await waitFor(async () => {
    assertEquals(await get(serving), pid);
    return performance.now() > end;
  });
  assertEquals(sumOf(await serving.scrape(), "gunicorn_worker_restart_total"), 0);
});
