import { assert, assertEquals, assertFalse, assertGreater } from "@std/assert";
import { parseExposition, sumOf } from "../support/exposition.ts";
import { runGpe } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import {
  checkoutPath,
  childrenOf,
  isRunning,
  keptConnection,
  repeat,
  requestOnce,
  startServing,
  waitForEnd,
} from "./serving.ts";

Deno.test("gpe serve counts 10,000 requests exactly when two workers share the port", async () => {
  await using serving = await startServing(checkoutPath("examples/hello.ts"));
  // Kept connections stay with one worker; new ones are spread by the kernel.
  await repeat(9000, 16, async () => {
    assertEquals(await (await fetch(serving.app)).text(), "Hello from one of the workers\n");
  });
  await repeat(1000, 16, async () => assert(await requestOnce(`${serving.app}/`)));

  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), 10_000);
  assertEquals(sumOf(samples, "gunicorn_worker_request_duration_seconds_count"), 10_000);
  assertEquals(sumOf(samples, "gunicorn_worker_responses_total", { code: "200" }), 10_000);
  for (const worker_id of ["worker_1", "worker_2"]) {
    assertGreater(sumOf(samples, "gunicorn_worker_requests_total", { worker_id }), 0);
  }
});

Deno.test("gpe serve shows the state of master and workers", async () => {
  const before = Date.now() / 1000;
  await using serving = await startServing(checkoutPath("examples/hello.ts"));
  const samples = await serving.scrape();
  for (const worker_id of ["worker_1", "worker_2"]) {
    const states = ["starting", "running", "quitting", "aborting", "dead"].map((state) =>
      sumOf(samples, "gunicorn_worker_state", { worker_id, state })
    );
    assertEquals(states, [0, 1, 0, 0, 0]);
    for (const reason of ["exit", "signal", "boot"]) {
      assertEquals(sumOf(samples, "gunicorn_worker_restart_total", { worker_id, reason }), 0);
    }
  }
  assertEquals(sumOf(samples, "gunicorn_workers", { state: "running" }), 2);
  assertEquals(sumOf(samples, "gunicorn_master_signals_total"), 0);
  assertGreater(sumOf(samples, "gunicorn_master_start_time_seconds"), before);
  const { status, body } = await fetch(new URL("/readyz", serving.metrics));
  await body?.cancel();
  assertEquals(status, 200);
});

Deno.test("gpe serve replaces a worker that was killed and counts it", async () => {
  await using serving = await startServing(checkoutPath("examples/hello.ts"));
  const [victim] = await childrenOf(serving.gpe.pid);
  Deno.kill(victim!, "SIGKILL");
  await serving.gpe.waitForOutput(/ended with SIGKILL[\s\S]*worker_\d is running/);
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_restart_total", { reason: "signal" }), 1);
  assertEquals(
    sumOf(samples, "gunicorn_master_worker_restart_count_total", { restart_type: "crash" }),
    1,
  );
  assertEquals(sumOf(samples, "gunicorn_master_signals_total", { signal: "chld" }), 1);
  assertEquals(sumOf(samples, "gunicorn_workers", { state: "running" }), 2);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`gpe serve answers every request of kept connections when it gets ${signal}`, async () => {
    await using dir = await tempDir();
    const directory = `${dir.path}/metrics`;
    const serving = await startServing(checkoutPath("examples/hello.ts"), { directory });
    let answered = 0;
    try {
      const children = await childrenOf(serving.gpe.pid);
      assertEquals(children.length, 2);
      // Each goes on until it is told that its connection ends; then it has nothing in flight.
      const clients = Array.from({ length: 8 }, async () => {
        using connection = await keptConnection(serving.app);
        while (await connection.request()) answered++;
        answered++;
      });
      const stopped = waitFor(() => answered >= 200).then(() => serving.gpe.stop(signal));
      await Promise.all([...clients, stopped]);
      assertEquals((await stopped).code, 0);
      await waitForEnd(children);
    } finally {
      await serving[Symbol.asyncDispose]();
    }
    const { stdout } = await runGpe(["dump", "--dir", directory]);
    assertEquals(sumOf(parseExposition(stdout), "gunicorn_worker_requests_total"), answered);
  });
}

Deno.test("gpe serve leaves no worker when the master is killed", async () => {
  const serving = await startServing(checkoutPath("examples/hello.ts"));
  try {
    const children = await childrenOf(serving.gpe.pid);
    assertEquals(children.length, 2);
    await serving.gpe.stop("SIGKILL");
    await waitForEnd(children);
  } finally {
    await serving[Symbol.asyncDispose]();
  }
});

Deno.test("gpe serve stops at once when it gets a second signal", async () => {
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/never_ends.ts"), {
    workers: 1,
    flags: ["--graceful-timeout", "600"],
  });
  const [worker] = await childrenOf(serving.gpe.pid);
  const request = fetch(serving.app).then((response) => response.text()).catch(() => "cut off");
  await serving.gpe.waitForOutput(/a request that never ends/);
  Deno.kill(serving.gpe.pid, "SIGTERM");
  await serving.gpe.waitForOutput(/Stopping the workers/);
  const { code } = await serving.gpe.stop("SIGINT");
  assertEquals([code, await request], [0, "cut off"]);
  await waitForEnd([worker!]);
});

Deno.test("gpe serve leaves no busy worker when the master is killed", async () => {
  const serving = await startServing(checkoutPath("tests/fixtures/apps/never_ends.ts"), {
    workers: 1,
    flags: ["--graceful-timeout", "1"],
  });
  try {
    const [worker] = await childrenOf(serving.gpe.pid);
    const request = fetch(serving.app).then((response) => response.text()).catch(() => "cut off");
    await serving.gpe.waitForOutput(/a request that never ends/);
    await serving.gpe.stop("SIGKILL");
    await waitForEnd([worker!]);
    assertEquals(await request, "cut off");
  } finally {
    await serving[Symbol.asyncDispose]();
  }
});

Deno.test("gpe serve kills a worker that takes longer than the graceful timeout", async () => {
  await using serving = await startServing(checkoutPath("tests/fixtures/apps/never_ends.ts"), {
    workers: 1,
    flags: ["--graceful-timeout", "1"],
  });
  const [worker] = await childrenOf(serving.gpe.pid);
  const request = fetch(serving.app).then((response) => response.text()).catch(() => "cut off");
  await serving.gpe.waitForOutput(/a request that never ends/);
  assertEquals((await serving.gpe.stop()).code, 0);
  assertEquals(await isRunning(worker!), false);
  assertEquals(await request, "cut off");
});

Deno.test("gpe serve leaves no debugger port open when master and workers get SIGUSR1", async () => {
  await using serving = await startServing(checkoutPath("examples/hello.ts"));
  const workers = await childrenOf(serving.gpe.pid);
  // The runtime opens it only in processes that have been running for half a second.
  await waitFor(() => {
    Deno.kill(serving.gpe.pid, "SIGUSR1");
    for (const pid of workers) Deno.kill(pid, "SIGUSR1");
    return (serving.gpe.stderr.match(/Debugger listening|Failed to start inspector/g)?.length ??
      0) >= 2;
  }, { intervalMs: 100, what: "the master's debugger, twice" });
  await waitFor(async () => await runsDebugger() === false, { what: "no debugger on port 9229" });
  assertFalse(/worker_\d.*Debugger listening/.test(serving.gpe.stderr));
  assertEquals(await childrenOf(serving.gpe.pid), workers);
  assertGreater(
    sumOf(await serving.scrape(), "gunicorn_master_signals_total", { signal: "usr1" }),
    1,
  );
  await (await fetch(serving.app)).text();
});

/** Whether anything listens where Deno's debugger does. */
async function runsDebugger(): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port: 9229 })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
