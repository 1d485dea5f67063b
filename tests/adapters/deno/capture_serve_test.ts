import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { captureDenoServe } from "../../../src/adapters/deno/capture_serve.ts";
import type { AddressClaim, DrainableServer } from "../../../src/adapters/http/drain.ts";
import { startWorkerInstrumentation } from "../../../src/adapters/library/instrument.ts";
import { Registry } from "../../../src/core/registry.ts";
import { SILENT_LOG } from "../../../src/core/log.ts";
import { noteError } from "../../../src/worker/route_note.ts";
import { tcpPort } from "../../support/tcp_port.ts";
import { waitFor } from "../../support/wait_for.ts";
import { workerValues } from "../../support/worker_metrics.ts";

const ADDRESS = { hostname: "127.0.0.1", port: 0 };

/** `Deno.serve` captured until the end of the test. */
function capture(reusePort = false) {
  const register = new Registry();
  const instrumentation = startWorkerInstrumentation({ register, workerId: "worker_7" });
  const servers: DrainableServer[] = [];
  const logged: unknown[] = [];
  const claim: AddressClaim = { taken: false };
  const release = captureDenoServe({
    address: ADDRESS,
    reusePort,
    claim,
    instrumentation,
    onServing: (server) => servers.push(server),
    log: { ...SILENT_LOG, info: (message, fields) => logged.push([message, fields]) },
  });
  return {
    claim,
    logged,
    servers,
    url: (path = "/") => `http://127.0.0.1:${tcpPort(servers[0]!.addr)}${path}`,
    values: () => workerValues(register),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.shutdown({ drainMs: 0 })));
      release();
      instrumentation.stop();
    },
  };
}

const text = async (url: string, init?: RequestInit): Promise<string> =>
  await (await fetch(url, init)).text();

const PORT_IN_USE = 1;
type AnyServe = (...args: unknown[]) => Deno.HttpServer<Deno.NetAddr>;
const OVERLOADS: Readonly<Record<string, () => Deno.HttpServer<Deno.NetAddr>>> = {
  "serve(handler)": () => Deno.serve((_request) => new Response("hello")),
  "serve(options, handler)": () => Deno.serve({ port: PORT_IN_USE }, () => new Response("hello")),
  "serve({ handler })": () =>
    Deno.serve({ port: PORT_IN_USE, handler: () => new Response("hello") }),
  "serve({ path }, handler)": () =>
    (Deno.serve as AnyServe)({ path: "/nowhere/app.sock" }, () => new Response("hello")),
};

for (const [name, serve] of Object.entries(OVERLOADS)) {
  Deno.test(`captureDenoServe() serves the bound address when the app calls ${name}`, async () => {
    await using captured = capture();
    const server = serve();
    assertEquals(server.addr.hostname, ADDRESS.hostname);
    assertEquals(captured.servers.map(({ addr }) => addr), [server.addr]);
    assert(captured.claim.taken && server.addr.port > PORT_IN_USE);
    assertEquals(await text(captured.url()), "hello");
    assertEquals((await captured.values()).requests_total, 1);
    assertEquals((await captured.values()).response_size_bytes_sum, 5);
    const native = ["finished", "addr", "ref", "unref", "shutdown"];
    assert(native.every((member) => member in server) && Symbol.asyncDispose in server);
  });
}

Deno.test("captureDenoServe() throws what Deno throws when there is no handler", async () => {
  const serve = Deno.serve as AnyServe;
  const calls = [[], [{ port: 0 }], [{ port: 0 }, "handler"]];
  const errors = calls.map((args) => assertThrows(() => serve(...args), Error).message);
  await using captured = capture();
  const again = calls.map((args) =>
    assertThrows(() => (Deno.serve as AnyServe)(...args), Error).message
  );
  assertEquals([again, captured.claim.taken], [errors, false]);
});

Deno.test("captureDenoServe() calls onListen with the address when the app gave one", async () => {
  await using captured = capture();
  const listened: Deno.NetAddr[] = [];
  const server = Deno.serve({ onListen: (addr) => listened.push(addr) }, () => new Response());
  await waitFor(() => listened.length > 0);
  assertEquals(listened.map(({ port }) => port), [server.addr.port]);
  assertEquals(captured.servers.length, 1);
});

Deno.test("captureDenoServe() leaves a further server its own port, uncounted and logged", async () => {
  await using captured = capture();
  Deno.serve(() => new Response("first"));
  const further = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("further"),
  );
  assertEquals(await text(`http://127.0.0.1:${further.addr.port}/`), "further");
  assertEquals(captured.servers.length, 1);
  assertEquals((await captured.values()).requests_total, undefined);
  assertEquals(captured.logged, [
    ["The application serves another address", { address: further.addr }],
  ]);
  await further.shutdown();
});

Deno.test("captureDenoServe() counts the status of onError's response when a handler throws", async () => {
  await using captured = capture();
  const errors: unknown[] = [];
  const thrown = new RangeError("boom");
  Deno.serve({
    onError(error) {
      errors.push(error);
      return new Response("sorry", { status: 418 });
    },
  }, (request) => {
    if (request.url.endsWith("/none")) return "none" as never;
    throw thrown;
  });
  const response = await fetch(captured.url("/tea/1"));
  assertEquals([response.status, await response.text()], [418, "sorry"]);
  assertEquals(await text(captured.url("/none")), "sorry");
  assert(errors[0] === thrown && errors[1] instanceof TypeError);
  const found = await captured.values();
  assertEquals(found['responses_total{code="418"}'], 2);
  assertEquals(found['responses_total{code="500"}'], undefined);
  assertEquals([found.requests_total, found.response_size_bytes_sum], [2, 10]);
  assertEquals(
    found['failed_requests_total{method="GET",endpoint="/tea/:id",error_type="RangeError"}'],
    1,
  );
});

Deno.test("captureDenoServe() stops the server when the app aborts its signal", async () => {
  await using captured = capture();
  const controller = new AbortController();
  const server = Deno.serve({ signal: controller.signal }, () => new Response("hello"));
  assertEquals(await text(captured.url()), "hello");
  controller.abort();
  await server.finished;
  await captured.servers[0]!.finished;
  await assertRejects(() => fetch(captured.url()));
});

Deno.test("shutdown() answers with connection: close and finishes requests when it drains", async () => {
  await using captured = capture();
  const slow = Promise.withResolvers<Response>();
  const fetched = await fetch("data:text/plain,fetched");
  const app = Deno.serve((request) => {
    if (request.url.endsWith("/slow")) return slow.promise;
    return request.url.endsWith("/immutable") ? fetched : new Response("hello");
  });
  const [server] = captured.servers;
  const running = text(captured.url("/slow"));
  await waitFor(async () => (await captured.values()).requests_in_progress === 1);
  assertEquals(/connection/i.test(await raw(captured.url())), false);
  const stopped = server!.shutdown({ drainMs: 60_000 });
  assertEquals(server!.shutdown(), stopped);
  assertMatch(await raw(captured.url()), /^connection: close\r\n[^]*hello$/m);
  assertMatch(await raw(captured.url("/immutable")), /^connection: close\r\n[^]*fetched$/m);
  slow.resolve(new Response("done"));
  assertEquals(await running, "done");
  // Nobody has to wait for the rest of the minute when the server is stopped otherwise.
  await app.shutdown();
  await stopped;
});

Deno.test("captureDenoServe() counts a stream's bytes when the client stops reading", async () => {
  await using captured = capture();
  const cancelled = Promise.withResolvers<void>();
  Deno.serve((_request) =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1000)),
        cancel: () => cancelled.resolve(),
      }),
    )
  );
  const response = await fetch(captured.url());
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await cancelled.promise;
  const found = await captured.values();
  assertEquals(found.response_size_bytes_count, 1);
  assert(found.response_size_bytes_sum! >= 1000);
});

Deno.test("captureDenoServe() serves WebSockets when the app upgrades a request", async () => {
  await using captured = capture();
  Deno.serve((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(`echo ${data}`);
    return response;
  });
  const socket = new WebSocket(captured.url().replace("http", "ws"));
  const closed = Promise.withResolvers<void>();
  const message = Promise.withResolvers<unknown>();
  socket.onopen = () => socket.send("hello");
  socket.onmessage = ({ data }) => message.resolve(data);
  socket.onclose = () => closed.resolve();
  assertEquals(await message.promise, "echo hello");
  socket.close();
  await closed.promise;
  assertEquals((await captured.values())['responses_total{code="101"}'], 1);
});

Deno.test("captureDenoServe() shares the port when reusePort is set", async () => {
  await using captured = capture(true);
  Deno.serve(() => new Response("first"));
  const port = tcpPort(captured.servers[0]!.addr);
  // The further one shares its port too: every worker opens it.
  const second = Deno.serve({ ...ADDRESS, port, onListen: () => {} }, () => new Response("second"));
  const answers = new Set<string>();
  await waitFor(async () => answers.add((await raw(captured.url())).slice(-6)).size === 2);
  assertEquals([...answers].map((answer) => answer.trim()).sort(), ["first", "second"]);
  await second.shutdown();
});

/** One request over a connection of its own, as it comes. */
async function raw(url: string): Promise<string> {
  const { port, pathname } = new URL(url);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const request = `GET ${pathname} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  let page = "";
  const buffer = new Uint8Array(4096);
  const complete = () => {
    const [head, body] = page.split("\r\n\r\n");
    const length = /content-length: (\d+)/.exec(head!)?.[1];
    return body !== undefined && (length === undefined || body.length >= Number(length));
  };
  while (!complete()) {
    const size = await connection.read(buffer);
    if (size === null) break;
    page += new TextDecoder().decode(buffer.subarray(0, size));
  }
  return page;
}

Deno.test("captureDenoServe() counts a noted error when the answer tears, by the path it can still ask for", async () => {
  await using captured = capture();
  Deno.serve((request) => {
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (chunks++ === 0) return controller.enqueue(new Uint8Array(10));
        noteError(request, new RangeError("told"));
        controller.error(new Error("torn"));
      },
    }, { highWaterMark: 0 });
    return new Response(body);
  });
  await assertRejects(() => text(captured.url("/items/7")));
  const failure =
    'failed_requests_total{method="GET",endpoint="/items/:id",error_type="RangeError"}';
  await waitFor(async () => (await captured.values())[failure] === 1);
  assertEquals((await captured.values()).requests_total, 1);
});
