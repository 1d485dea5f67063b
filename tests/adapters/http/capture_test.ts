import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { captureDenoServe } from "../../../src/adapters/deno/capture_serve.ts";
import { captureHttp } from "../../../src/adapters/http/capture.ts";
import type { AddressClaim, DrainableServer } from "../../../src/adapters/http/drain.ts";
import { serveMetricsEndpoint } from "../../../src/adapters/deno/metrics_server.ts";
import { serveMetricsOnNode } from "../../../src/adapters/http/metrics_server.ts";
import { startWorkerInstrumentation } from "../../../src/adapters/library/instrument.ts";
import { Registry } from "../../../src/core/registry.ts";
import { SILENT_LOG } from "../../../src/core/log.ts";
import { tcpPort } from "../../support/tcp_port.ts";
import { waitFor } from "../../support/wait_for.ts";
import { workerValues } from "../../support/worker_metrics.ts";

const ADDRESS = { hostname: "127.0.0.1", port: 0 };

/** Both kinds of servers captured until the end of the test, as a worker does it. */
function capture() {
  const register = new Registry();
  const instrumentation = startWorkerInstrumentation({ register, workerId: "worker_7" });
  const servers: DrainableServer[] = [];
  const logged: unknown[] = [];
  const claim: AddressClaim = { taken: false };
  const shared = {
    address: ADDRESS,
    reusePort: false,
    claim,
    onServing: (server: DrainableServer) => void servers.push(server),
    log: { ...SILENT_LOG, info: (message: string) => void logged.push(message) },
  };
  const { metrics, now } = instrumentation;
  const releases = [
    captureDenoServe({ ...shared, instrumentation }),
    captureHttp({ ...shared, metrics, now }),
  ];
  return {
    claim,
    logged,
    servers,
    url: (path = "/") => `http://127.0.0.1:${tcpPort(servers[0]!.addr)}${path}`,
    values: () => workerValues(register),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.shutdown({ drainMs: 0 })));
      for (const release of releases) release();
      instrumentation.stop();
    },
  };
}

const listening = (server: http.Server): Promise<void> =>
  new Promise((resolve) => server.once("listening", () => resolve()));

const LISTENS: Readonly<Record<string, (server: http.Server, called: () => void) => unknown>> = {
  "listen(port, callback)": (server, called) => server.listen(1, called),
  "listen(port, host, backlog, callback)": (server, called) =>
    server.listen(1, "0.0.0.0", 16, called),
  "listen(options, callback)": (server, called) =>
    server.listen({ port: 1, host: "0.0.0.0", backlog: 16 }, called),
  "listen(path, callback)": (server, called) => server.listen("/nowhere/app.sock", called),
};

for (const [name, listen] of Object.entries(LISTENS)) {
  Deno.test(`captureHttp() listens on the bound address when the app calls ${name}`, async () => {
    await using captured = capture();
    const server = http.createServer((_request, response) => response.end("hello"));
    let called = 0;
    const ready = listening(server);
    assertEquals(listen(server, () => called++), server);
    await ready;
    await waitFor(() => called === 1);
    const address = server.address() as AddressInfo;
    assertEquals(address.address, ADDRESS.hostname);
    assertEquals(captured.servers.map(({ addr }) => tcpPort(addr)), [address.port]);
    const response = await fetch(captured.url());
    assertEquals(await response.text(), "hello");
    // One request, although Deno might answer node:http through its own server.
    const found = await captured.values();
    assertEquals([found.requests_total, found.request_duration_seconds_count], [1, 1]);
  });
}

Deno.test("captureHttp() counts before the answer leaves, with sizes and errors", async () => {
  await using captured = capture();
  const server = http.createServer((request, response) => {
    switch (request.url) {
      case "/written":
        response.writeHead(201, { "x-a": "b" });
        response.write("grü", "utf8");
        response.write(new Uint8Array(10));
        return response.end("fin");
      case "/broken/42":
        response.statusCode = 502;
        return response.end("bad");
      case "/empty":
        response.statusCode = 204;
        return response.end();
      default:
        return response.end(Buffer.alloc(2000));
    }
  });
  const ready = listening(server);
  server.listen(1);
  await ready;
  const sizes: (number | undefined)[] = [];
  for (const path of ["/written", "/broken/42", "/empty", "/"]) {
    const response = await fetch(captured.url(path));
    await response.bytes();
    sizes.push((await captured.values()).response_size_bytes_sum);
  }
  assertEquals(sizes, [17, 20, 20, 2020]);
  await (await fetch(captured.url(), { method: "HEAD" })).body?.cancel();
  await (await fetch(captured.url(), { method: "POST", body: "x".repeat(300) })).bytes();
  const { request_duration_seconds_sum: seconds, ...found } = await captured.values();
  assert(seconds! > 0);
  assertEquals(found, {
    requests_total: 6,
    request_duration_seconds_count: 6,
    'responses_total{code="200"}': 3,
    'responses_total{code="201"}': 1,
    'responses_total{code="204"}': 1,
    'responses_total{code="502"}': 1,
    'error_handling_total{method="GET",endpoint="/broken/:id",error_type="502"}': 1,
    request_size_bytes_sum: 300,
    request_size_bytes_count: 1,
    response_size_bytes_sum: 4020,
    response_size_bytes_count: 6,
  });
});

Deno.test("captureHttp() ends a request when its client goes away", async () => {
  await using captured = capture();
  const server = http.createServer(() => {});
  const ready = listening(server);
  server.listen(1);
  await ready;
  const controller = new AbortController();
  const asked = fetch(captured.url(), { signal: controller.signal }).catch((error) => error.name);
  await waitFor(async () => (await captured.values()).requests_in_progress === 1);
  controller.abort();
  assertEquals(await asked, "AbortError");
  await waitFor(async () => (await captured.values()).requests_in_progress === undefined);
  const found = await captured.values();
  assertEquals(found.requests_total, 1);
  assertEquals(Object.keys(found).filter((name) => name.startsWith("responses_total")), []);
});

Deno.test("captureHttp() leaves a further server its own address, whichever came first", async () => {
  await using captured = capture();
  const first = Deno.serve(() => new Response("first"));
  const server = http.createServer((_request, response) => response.end("further"));
  const ready = listening(server);
  server.listen(0, "127.0.0.1");
  await ready;
  const { port } = server.address() as AddressInfo;
  assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "further");
  assertEquals(captured.servers.map(({ addr }) => addr), [first.addr]);
  assertEquals(captured.logged, ["The application serves another address"]);
  assertEquals((await captured.values()).requests_total, undefined);
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("A server of metrics is none of the application's, and only one can have its port", async () => {
  await using captured = capture();
  for (const host of [serveMetricsEndpoint, serveMetricsOnNode]) {
    const options = { ...ADDRESS, handler: () => new Response("metrics"), log: SILENT_LOG };
    await using metrics = await host(options);
    const page = await fetch(`http://127.0.0.1:${metrics.port}/`);
    assertEquals(await page.text(), "metrics");
    const again = await assertRejects(async () => await host({ ...options, port: metrics.port }));
    assertMatch((again as Error).message, /in use/);
  }
  assertEquals([captured.claim.taken, captured.logged], [false, []]);
  const server = http.createServer((_request, response) => response.end("application"));
  const ready = listening(server);
  server.listen(1);
  await ready;
  assertEquals(await (await fetch(captured.url())).text(), "application");
  assertEquals((await captured.values()).requests_total, 1);
});

Deno.test("captureHttp() emits error when the address is in use", async () => {
  const taken = Deno.listen(ADDRESS);
  const claim = { taken: false };
  const register = new Registry();
  const instrumentation = startWorkerInstrumentation({ register });
  const release = captureHttp({
    address: { ...ADDRESS, port: taken.addr.port },
    reusePort: false,
    claim,
    onServing: () => {},
    ...instrumentation,
    log: SILENT_LOG,
  });
  const server = http.createServer();
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => server.once("error", resolve));
  server.listen(0);
  assertEquals((await failed).code, "EADDRINUSE");
  taken.close();
  release();
  instrumentation.stop();
});

Deno.test("captureHttp() gives prototypes back when it is released", () => {
  const names = ["writeHead", "write", "end"] as const;
  const seen = () => names.map((name) => http.ServerResponse.prototype[name]);
  const own = () => names.map((name) => Object.hasOwn(http.ServerResponse.prototype, name));
  const before = [seen(), own(), http.Server.prototype.listen];
  const instrumentation = startWorkerInstrumentation({ register: new Registry() });
  const release = captureHttp({
    address: ADDRESS,
    reusePort: false,
    claim: { taken: true },
    onServing: () => {},
    ...instrumentation,
    log: SILENT_LOG,
  });
  assert(http.Server.prototype.listen !== before[2]);
  release();
  instrumentation.stop();
  assertEquals([seen(), own(), http.Server.prototype.listen], before);
});

Deno.test("shutdown() closes kept connections when node:http drains", async () => {
  await using captured = capture();
  const server = http.createServer((_request, response) => response.end("hello"));
  const ready = listening(server);
  server.listen(1);
  await ready;
  using connection = await Deno.connect({ ...ADDRESS, port: tcpPort(captured.servers[0]!.addr) });
  const ask = async (): Promise<string> => {
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    const buffer = new Uint8Array(4096);
    let page = "";
    while (!page.endsWith("hello")) {
      const size = await connection.read(buffer);
      assert(size !== null, page);
      page += new TextDecoder().decode(buffer.subarray(0, size));
    }
    return page;
  };
  assertMatch(await ask(), /connection: keep-alive/i);
  const stopped = captured.servers[0]!.shutdown({ drainMs: 60_000 });
  assertMatch(await ask(), /connection: close/i);
  assertEquals(await connection.read(new Uint8Array(1)), null);
  // Nobody has to wait for the rest of the minute when the application closes its server.
  server.close();
  await stopped;
});

Deno.test("captureHttp() refuses a server that cannot speak TLS when there is a certificate", () => {
  const register = new Registry();
  const instrumentation = startWorkerInstrumentation({ register });
  const release = captureHttp({
    ...instrumentation,
    address: ADDRESS,
    reusePort: false,
    claim: { taken: false },
    certificate: { cert: "", key: "" },
    onServing() {},
    log: SILENT_LOG,
  });
  try {
    assertThrows(
      () => http.createServer().listen(0),
      Error,
      "the server was made with node:http, expected node:https",
    );
  } finally {
    release();
    instrumentation.stop();
  }
});
