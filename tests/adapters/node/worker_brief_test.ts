import { assertEquals } from "@std/assert";
import { briefVariables } from "../../../src/adapters/node/worker_brief.ts";

Deno.test("The environment of a worker holds how it records, and nothing else that it is told", () => {
  const brief = {
    workerId: "worker_1",
    metricPrefix: "shop",
    sizesByEndpoint: true,
    timestamps: true,
  };
  const task = {
    ...brief,
    storage: { kind: "redis", redis: { url: "redis://:secret@localhost" } },
    maxRequests: 5,
  };
  const { GPE_CLUSTER_WORKER, ...others } = briefVariables(task);
  assertEquals(JSON.parse(GPE_CLUSTER_WORKER!), brief);
  assertEquals(others, { GPE_WORKER_ID: "worker_1" });
});
