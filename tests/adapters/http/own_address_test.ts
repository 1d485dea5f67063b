import { assert, assertEquals } from "@std/assert";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { DrainableServer } from "../../../src/adapters/http/drain.ts";
import { recordOwnAddress } from "../../../src/adapters/http/own_address.ts";
import { startWorkerInstrumentation } from "../../../src/adapters/library/instrument.ts";
import { Registry } from "../../../src/core/registry.ts";
import { tcpPort } from "../../support/tcp_port.ts";
import { workerValues } from "../../support/worker_metrics.ts";

function record() {
  const register = new Registry();
  const instrumentation = startWorkerInstrumentation({ register, workerId: "worker_7" });
  const served: DrainableServer[] = [];
  const { metrics, now } = instrumentation;
  const own = recordOwnAddress({
    metrics,
    now,
    keepAliveMs: 1234,
    onServing: (server) => served.push(server),
  });
  return {
    own,
    served,
    async count() {
      return (await workerValues(register))["requests_total"] ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(served.map((server) => server.shutdown({ drainMs: 0 })));
      own.release();
      instrumentation.stop();
    },
  };
}

/** Listens, and says where. */
async function listen(server: http.Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const address = server.address() as AddressInfo;
  return `http://${host}:${address.port}/`;
}

async function ask(url: string): Promise<string> {
  return await (await fetch(url, { headers: { connection: "close" } })).text();
}

const answering = (): http.Server =>
  http.createServer((_request, response) => response.end("answer"));
const closed = (server: http.Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()));

Deno.test("recordOwnAddress() records the first server where it wants to listen, and drains it", async () => {
  await using recorded = record();
  const server = answering();
  const url = await listen(server, 0, "127.0.0.1");
  assertEquals(recorded.served.length, 1);
  assertEquals(server.keepAliveTimeout, 1234);
  const { addr, finished, shutdown } = recorded.served[0]!;
  assertEquals(tcpPort(addr), Number(new URL(url).port));
  assertEquals(await ask(url), "answer");
  assertEquals(await recorded.count(), 1);
  await shutdown({ drainMs: 0 });
  await finished;
  assert(!server.listening);
});

Deno.test("recordOwnAddress() records servers on the first one's port, and ends them with it", async () => {
  await using recorded = record();
  const [first, second, other] = [answering(), answering(), answering()];
  const url = await listen(first, 0, "127.0.0.1");
  const secondUrl = await listen(second, Number(new URL(url).port), "127.0.0.2");
  const otherUrl = await listen(other, 0, "127.0.0.1");
  for (const each of [url, secondUrl, otherUrl]) assertEquals(await ask(each), "answer");
  assertEquals(await recorded.count(), 2);
  assertEquals(recorded.served.length, 1);
  await recorded.served[0]!.shutdown({ drainMs: 0 });
  assertEquals([first.listening, second.listening, other.listening], [false, false, true]);
  await closed(other);
});

Deno.test("recordOwnAddress() takes the next server when the first cannot listen", async () => {
  await using recorded = record();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const failing = answering();
  const failed = new Promise((resolve) => failing.once("error", resolve));
  failing.listen(taken.addr.port, "127.0.0.1");
  await failed;
  assertEquals(recorded.served.length, 0);
  assertEquals(await ask(await listen(answering(), 0, "127.0.0.1")), "answer");
  assertEquals(await recorded.count(), 1);
});

Deno.test("adopt() records a server that listens already", async () => {
  const server = answering();
  const url = await listen(server, 0, "127.0.0.1");
  await using recorded = record();
  recorded.own.adopt(server);
  assertEquals(recorded.served.length, 1);
  assertEquals(await ask(url), "answer");
  assertEquals(await recorded.count(), 1);
});
