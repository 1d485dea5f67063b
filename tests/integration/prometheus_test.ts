import { assert, assertEquals } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { freePort } from "../support/free_port.ts";
import { spawn } from "../support/spawn.ts";
import { tempDir } from "../support/temp_dir.ts";
import { waitFor } from "../support/wait_for.ts";
import { checkoutPath, childrenOf, repeat, requestOnce, startServing } from "./serving.ts";

externalTest(
  "a real Prometheus sees the true number and no reset while workers are killed",
  ["prometheus"],
  async ({ prometheus }) => {
    await using dir = await tempDir();
    await using serving = await startServing(checkoutPath("examples/hello.ts"));
    const snippet = /scrape_configs:\n(?: .*\n)+/.exec(serving.gpe.stdout + serving.gpe.stderr)![0];
    const config = `${dir.path}/prometheus.yml`;
    await Deno.writeTextFile(config, `global:\n  scrape_interval: 1s\n${snippet}`);
    const url = `http://127.0.0.1:${freePort()}`;
    await using _prometheus = spawn(prometheus, [
      `--config.file=${config}`,
      `--storage.tsdb.path=${dir.path}/data`,
      `--web.listen-address=${new URL(url).host}`,
    ]);

    const send = (times: number): Promise<void> =>
      repeat(times, 8, async () => {
        await requestOnce(`${serving.app}/`);
      });
    await send(1000);
    await waitForAnswer(url, "sum(gunicorn_worker_requests_total)", 1000);
    const [victim] = await childrenOf(serving.gpe.pid);
    Deno.kill(victim!, "SIGKILL");
    await waitForAnswer(url, "sum(gunicorn_worker_restart_total)", 1);
    await waitForAnswer(url, 'gunicorn_workers{state="running"}', 2);
    await send(500);
    await waitForAnswer(url, "sum(gunicorn_worker_requests_total)", 1500);

    const totals = (await names(url)).filter((name) => /_(total|count|sum|bucket)$/.test(name));
    assert(totals.includes("gunicorn_worker_request_duration_seconds_bucket"), String(totals));
    for (const name of totals) assertEquals(await query(url, `max(resets(${name}[1h]))`), 0, name);
    assertEquals(await query(url, "up"), 1);
  },
);

/** The names of all metrics that Prometheus has. */
async function names(url: string): Promise<string[]> {
  const response = await fetch(`${url}/api/v1/label/__name__/values`);
  const answer: { data: string[] } = await response.json();
  return answer.data;
}

/** The single number that Prometheus answers now; undefined when there is none yet. */
async function query(url: string, expression: string): Promise<number | undefined> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
  const answer: {
    data?: { result: { value: [number, string] }[] };
    error?: string;
  } = await response.json();
  if (answer.data === undefined) throw new Error(`Prometheus says: ${answer.error}`);
  const result = answer.data.result[0];
  return result === undefined ? undefined : Number(result.value[1]);
}

async function waitForAnswer(url: string, expression: string, wanted: number): Promise<void> {
  let last: number | undefined;
  await waitFor(async () => {
    last = await query(url, expression);
    return last === wanted;
  }, {
    deadlineMs: 60_000,
    intervalMs: 100,
    what: () => `${expression} to be ${wanted}; it is ${last}`,
  });
}
