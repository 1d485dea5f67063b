import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { isRecorded } from "../../../src/adapters/http/recorder.ts";
import { recordServer } from "../../../src/adapters/node/record_server.ts";
import { workerInstrumentation } from "../../../src/adapters/library/instrument.ts";
import { register } from "../../../src/core/registry.ts";
import { workerValues } from "../../support/worker_metrics.ts";

Deno.test("recordServer() gives the server back, and refuses what is none of node:http", () => {
  for (const server of [http.createServer(), https.createServer()]) {
    assertStrictEquals(recordServer(server), server);
  }
  for (const wrong of [http2.createServer(), {}, undefined]) {
    assertThrows(() => recordServer(wrong as object), TypeError, "Cannot record the server");
  }
});

Deno.test("recordServer() records from the first request, before or after the server listens", async () => {
  const servers = [http.createServer(), http.createServer()] as const;
  for (const server of servers) server.on("request", (_request, response) => response.end("ok"));
  recordServer(servers[0]);
  recordServer(servers[0]);
  // Until then a worker may come that records it.
  assert(!isRecorded(servers[0]));
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
  recordServer(servers[1]);
  recordServer(servers[1]);
  for (const server of servers) {
    assert(isRecorded(server));
    const { port } = server.address() as AddressInfo;
    assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "ok");
  }
  const { requests_total, response_size_bytes_sum } = await workerValues(register);
  assertEquals([requests_total, response_size_bytes_sum], [2, 4]);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  workerInstrumentation().stop();
});
