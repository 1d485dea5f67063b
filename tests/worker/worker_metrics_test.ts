import { assert } from "@std/assert";
import { measuredWorker } from "../support/worker_metrics.ts";

Deno.test("createWorkerMetrics() counts from 0 when there was no request yet", async () => {
  const { register } = measuredWorker();
  const lines = (await register.metrics()).split("\n");
  for (
    const series of [
      'requests_total{worker_id="worker_7"}',
      'responses_total{worker_id="worker_7",code="200"}',
      'responses_total{worker_id="worker_7",code="500"}',
      'request_duration_seconds_count{worker_id="worker_7"}',
      'request_size_bytes_count{worker_id="worker_7"}',
      'response_size_bytes_count{worker_id="worker_7"}',
    ]
  ) {
    assert(lines.includes(`gunicorn_worker_${series} 0`), `${series} is missing`);
  }
});
