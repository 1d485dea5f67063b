/** The cluster on real Node, and on Deno's node:cluster. */
import { assert, assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import { sumOf } from "../support/exposition.ts";
import { externalTest } from "../support/externals.ts";
import { makeCertificate } from "../support/certificate.ts";
import { wasCutOff, wasNeverSent } from "../support/lost_connection.ts";
import { startRedis } from "../support/redis_server.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { type ClusterRuntime, nameOf, startCluster, startProgram } from "./node_serving.ts";
import {
  answerOnce,
  childrenOf,
  pidIn,
  repeat,
  requestOnce,
  type Serving,
  waitForEnd,
} from "./serving.ts";

const IS_FULL = Deno.env.get("GPE_FAULTS") === "full";

const RUNTIMES: readonly ClusterRuntime[] = [
  [20, "mapped"],
  [22, "plain"],
  [24, "mapped"],
  "deno",
];

/** Waits until workers have been replaced so often for this reason. */
async function waitForRestarts(
  serving: Serving,
  count: number,
  labels: Record<string, string>,
): Promise<void> {
  await waitFor(async () => {
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_worker_restart_count_total", labels) === count &&
      sumOf(samples, "gunicorn_workers", { state: "running" }) === 2;
  }, { what: () => `${count} restarts for ${JSON.stringify(labels)}:\n${serving.gpe.stderr}` });
}

for (const runtime of RUNTIMES) {
  Deno.test(`a cluster on ${nameOf(runtime)} counts, reloads, grows, shrinks and stops`, async () => {
    await using serving = await startCluster(runtime);
    const { gpe } = serving;
    const pids = new Set<number>();
    let answered = 0;
    const ask = (times: number): Promise<void> =>
      repeat(times, 4, async () => {
        const answer = await answerOnce(`${serving.app}/`);
        assert(answer !== undefined);
        pids.add(pidIn(answer));
        answered++;
      });
    await ask(100);
    assertEquals(pids.size, 2);

    const before = await childrenOf(gpe.pid);
    Deno.kill(gpe.pid, "SIGHUP");
    const reloaded = gpe.waitForOutput(/Reloaded/).then(() => "reloaded");
    while (await Promise.race([reloaded, ask(10)]) !== "reloaded") { /* under load */ }
    await waitForEnd(before);
    await ask(100);
    assertEquals(pids.size, 4);
    await waitForRestarts(serving, 2, { reason: "hup", restart_type: "graceful" });

    Deno.kill(gpe.pid, "SIGTTIN");
    await gpe.waitForOutput(/worker_3 is running/);
    Deno.kill(gpe.pid, "SIGTTOU");
    await waitForRestarts(serving, 1, { reason: "ttou" });
    Deno.kill(gpe.pid, "SIGUSR1");
    await waitFor(() => gpe.stdout.match(/reopening/g)?.length === 2);

    await waitFor(async () => {
      const samples = await serving.scrape();
      assertEquals(samples.get("gpe_scrape_corrections_total"), 0);
      return samples.get("test_work_total") === answered &&
        sumOf(samples, "gunicorn_worker_requests_total") === answered &&
        sumOf(samples, "gunicorn_worker_responses_total", { code: "200" }) === answered &&
        sumOf(samples, "gunicorn_worker_request_duration_seconds_count") === answered &&
        ["hup", "ttin", "ttou", "usr1"].every((signal) =>
          sumOf(samples, "gunicorn_master_signals_total", { signal }) === 1
        );
    }, { what: () => `${answered} requests to be counted` });
    const samples = await serving.scrape();
    const runtimeName = runtime === "deno" ? "deno" : `node ${runtime[0]}`;
    assert(
      [...samples.keys()].some((key) =>
        key.startsWith("gpe_build_info") && key.includes(`"runtime":"${runtimeName}`)
      ),
    );

    // What is at hand when the service stops is answered.
    const slow = fetch(`${serving.app}/slow`).then((response) => response.text());
    await waitFor(async () =>
      sumOf(await serving.scrape(), "gunicorn_worker_requests_in_progress") === 1
    );
    const workers = await childrenOf(gpe.pid);
    assertEquals((await gpe.stop()).code, 0);
    assertEquals(await slow, "slow");
    await waitForEnd(workers);
    assertGreaterOrEqual(gpe.stdout.match(/stopping/g)!.length, 5);
  });

  // What it takes its time for is the same on all versions: the long form has them all.
  const isChosen = IS_FULL || runtime === "deno" || runtime[0] === 24;
  if (!isChosen) continue;
  Deno.test(`a cluster on ${nameOf(runtime)} counts each end of a worker by its reason, and what it has counted`, async () => {
    await using serving = await startCluster(runtime, {
      options: { timeoutMs: 5000 },
      flags: runtime === "deno" ? [] : ["--max-old-space-size=100"],
    });
    const end = (path: string): Promise<unknown> =>
      fetch(`${serving.app}${path}`).then((response) => response.text()).catch(() => {});
    const ask = (times: number): Promise<void> =>
      repeat(times, 4, async () => assert(await requestOnce(`${serving.app}/`)));

    await ask(20);
    await end("/exit");
    await waitForRestarts(serving, 1, { reason: "exit", restart_type: "crash" });
    // Deno's node:http goes on after such an error.
    if (runtime !== "deno") {
      await end("/throw");
      await waitForRestarts(serving, 2, { reason: "exit", restart_type: "crash" });
      assertMatch(serving.gpe.stderr, /Error: thrown on purpose/);
    }
    Deno.kill((await childrenOf(serving.gpe.pid))[0]!, "SIGKILL");
    await waitForRestarts(serving, 1, { reason: "signal", restart_type: "crash" });
    // In order, though nobody asked for it.
    Deno.kill((await childrenOf(serving.gpe.pid))[0]!, "SIGTERM");
    await waitForRestarts(serving, 1, { reason: "exit", restart_type: "graceful" });
    if (runtime !== "deno") {
      await end("/eat");
      await waitForRestarts(serving, 1, { reason: "oom", restart_type: "crash" });
    }
    // On a busy machine a start may have taken too long as well.
    const timeouts = { reason: "timeout", restart_type: "forced" };
    const before = sumOf(
      await serving.scrape(),
      "gunicorn_worker_restart_count_total",
      timeouts,
    );
    await end("/hang");
    await serving.gpe.waitForOutput(/killed: its event loop did not turn any more/);
    await waitFor(async () =>
      sumOf(await serving.scrape(), "gunicorn_worker_restart_count_total", timeouts) > before
    );
    await ask(20);
    // `/exit` counts as well, before it ends.
    await waitFor(async () => (await serving.scrape()).get("test_work_total") === 41);
    assertEquals((await serving.scrape()).get("gpe_scrape_corrections_total"), 0);
  });
}

for (const runtime of [[20, "plain"], "deno"] satisfies ClusterRuntime[]) {
  Deno.test(`workers on ${nameOf(runtime)} end with their primary`, async () => {
    await using serving = await startCluster(runtime);
    const workers = await childrenOf(serving.gpe.pid);
    assertEquals(workers.length, 2);
    await serving.gpe.stop("SIGKILL");
    await waitForEnd(workers);
  });
}

Deno.test("a worker on Node that hangs ends with its primary, with koffi", async () => {
  await using serving = await startCluster([22, "mapped"]);
  const workers = await childrenOf(serving.gpe.pid);
  const answer = fetch(`${serving.app}/hang`).catch(() => "cut off");
  await serving.gpe.waitForOutput(/hanging/);
  await serving.gpe.stop("SIGKILL");
  await waitForEnd(workers);
  assertEquals(await answer, "cut off");
});

Deno.test("a thread and a program of a worker on Node count in the storage of their worker", async () => {
  await using serving = await startCluster([24, "plain"], {
    workers: 1,
    // Not where they are to look.
    env: { PROMETHEUS_MULTIPROC_DIR: "/nowhere" },
  });
  assert(await requestOnce(`${serving.app}/thread`));
  assert(await requestOnce(`${serving.app}/program`));
  assertEquals((await serving.scrape()).get("test_started_total"), 2);
});

Deno.test("a cluster on Node leaves no client waiting whose connection the last worker gives back", async () => {
  await using serving = await startCluster([20, "plain"], { workers: 1 });
  const closing = answerOnce(`${serving.app}/close`);
  await serving.gpe.waitForOutput(/closing/);
  // The worker is handed this one while it is busy, and has no server when it hears of it.
  let isWaiting = true;
  const second = answerOnce(`${serving.app}/`)
    .catch((error) => assert(wasCutOff(error) || wasNeverSent(error), String(error)))
    .finally(() => isWaiting = false);
  assert(await closing);
  await waitFor(() => !isWaiting, { what: "the end of the second connection", deadlineMs: 15_000 });
  await second;
});

Deno.test("a cluster on Node replaces workers after their number of requests, and loses none", async () => {
  await using serving = await startCluster([24, "mapped"], {
    options: { maxRequests: 100, maxRequestsJitter: 20 },
  });
  const connections = 4;
  let asked = 0;
  await waitFor(async () => {
    await repeat(40, connections, async () => {
      asked++;
      assert(await requestOnce(`${serving.app}/`));
    });
    const samples = await serving.scrape();
    return sumOf(samples, "gunicorn_worker_restart_total", { reason: "max_requests" }) >= 2;
  }, { deadlineMs: 120_000 });
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), asked);
});

externalTest("a cluster on Node keeps its metrics in Redis", ["redis-server"], async () => {
  await using redis = await startRedis();
  await using serving = await startCluster([20, "plain"], {
    options: { directory: undefined, redis: { url: redis.url } },
  });
  await repeat(50, 4, async () => assert(await requestOnce(`${serving.app}/`)));
  await waitFor(async () => (await serving.scrape()).get("test_work_total") === 50);
  Deno.kill(serving.gpe.pid, "SIGHUP");
  await serving.gpe.waitForOutput(/Reloaded/);
  assertEquals((await serving.scrape()).get("test_work_total"), 50);
});

externalTest("a primary on Node serves its metrics over TLS", ["openssl"], async ({ openssl }) => {
  await using dir = await tempDir();
  const files = await makeCertificate(openssl, dir.path, "metrics");
  await using serving = await startCluster([22, "mapped"], {
    options: { metricsCertificate: files },
  });
  assertMatch(serving.metrics, /^https:/);
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(files.certfile)] });
  const page = await (await fetch(serving.metrics, { client })).text();
  assertMatch(page, /^gunicorn_workers\{state="running"\} 2$/m);
});

const REFUSED: Readonly<Record<string, [program: string, message: RegExp]>> = {
  "startWorker() outside of a cluster": [
    "no_cluster.mjs",
    /Cannot start a worker: this process is no worker of a cluster, expected one that runPrimary\(\) has forked/,
  ],
  "startWorker() in a worker of another primary": [
    "other_primary.mjs",
    /Cannot start a worker: it was not forked by runPrimary\(\), or is started already, expected runPrimary\(\) in the primary, or openStorage\(\) and recordServer\(\) in the worker/,
  ],
  "runPrimary() in a worker": [
    "primary_in_worker.mjs",
    /Cannot run a primary: this process is a worker, expected startWorker\(\) in it/,
  ],
  "runPrimary() with options that are not accepted": [
    "wrong_options.mjs",
    /workers is "0", expected a whole number from 1 to 1024\ntimeoutMs is "-1000", expected milliseconds from 0 to 2147483000/,
  ],
};

for (const [what, [program, message]] of Object.entries(REFUSED)) {
  Deno.test(`${what} is refused with what is expected`, async () => {
    await using spawned = await startProgram([20, "plain"], program);
    await spawned.status;
    assertMatch(spawned.stderr, message);
  });
}

Deno.test("a worker that does not start is told by what it has not done", async () => {
  await using silent = await startProgram([24, "plain"], "never_starts.mjs");
  await silent.waitForOutput(
    /Cannot run worker_1: it has not called startWorker\(\), expected that soon after its start/,
  );
  await using mute = await startProgram([24, "plain"], "never_listens.mjs");
  await mute.waitForOutput(
    /Cannot run worker_1: it does not listen, expected a server of node:http or node:https, or ready\(\)/,
  );
});

Deno.test("primaries on Node that fail end in order, and nothing keeps the process then", async () => {
  await using program = await startProgram([20, "mapped"], "odd_primary.mjs");
  let ended = false;
  void program.status.then(() => ended = true);
  try {
    await waitFor(() => ended, { what: () => `its end; there is:\n${program.stderr}` });
  } finally {
    for (const [, pid] of program.stdout.matchAll(/^holds (\d+)\.$/gm)) Deno.kill(Number(pid));
  }
  const said = program.stdout.split("\n").filter((line) => !/^(holds.*)?$/.test(line));
  assertMatch(
    said[0]!,
    /^open: Cannot open the storage: writer "\d+" is open already, expected .+; kept: true$/,
  );
  assertEquals(said.slice(1), [
    "throws: thrown on purpose",
    "in order: code 0; stdio: undefined",
  ]);
  assertEquals((await program.status).code, 0, program.stderr);
});

for (const listens of ["while it starts", "before it starts"]) {
  Deno.test(`a worker that listens ${listens} records all that it serves from then on`, async () => {
    await using serving = await startCluster([22, "mapped"], {
      workers: 1,
      program: "not_awaited.mjs",
      env: { LISTENS: listens },
    });
    await repeat(50, 4, async () => assert(await requestOnce(`${serving.app}/`)));
    // The worker has asked itself, in the first case before it had a storage.
    assertEquals(sumOf(await serving.scrape(), "gunicorn_worker_requests_total"), 51);
  });
}
