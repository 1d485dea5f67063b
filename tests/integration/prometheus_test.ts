import { assert, assertEquals } from "@std/assert";
import { externalTest } from "../support/externals.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { checkoutPath, childrenOf, repeat, requestOnce, startServing } from "./serving.ts";

externalTest(
  "a real Prometheus sees the true number and no reset while workers are killed",
  ["prometheus"],
  async ({ prometheus: program }) => {
    await using serving = await startServing(checkoutPath("examples/hello.ts"));
    const snippet = /scrape_configs:\n(?: .*\n)+/.exec(serving.gpe.stdout + serving.gpe.stderr)![0];
    await using prometheus = await startPrometheus(program, snippet);

    const send = (times: number): Promise<void> =>
      repeat(times, 8, async () => {
        await requestOnce(`${serving.app}/`);
      });
    await send(1000);
    await prometheus.waitForAnswer("sum(gunicorn_worker_requests_total)", 1000);
    const [victim] = await childrenOf(serving.gpe.pid);
    Deno.kill(victim!, "SIGKILL");
    await prometheus.waitForAnswer("sum(gunicorn_worker_restart_total)", 1);
    await prometheus.waitForAnswer('gunicorn_workers{state="running"}', 2);
    await send(500);
    await prometheus.waitForAnswer("sum(gunicorn_worker_requests_total)", 1500);

    const totals = await prometheus.totals();
    assert(totals.includes("gunicorn_worker_request_duration_seconds_bucket"), String(totals));
    for (const name of totals) {
      assertEquals(await prometheus.query(`max(resets(${name}[1h]))`), 0, name);
    }
    assertEquals(await prometheus.query("up"), 1);
  },
);
