import { assert, assertEquals, assertMatch } from "@std/assert";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { createHttpRecorder, isRecorded } from "../../../src/adapters/http/recorder.ts";
import { noteError, setRoute } from "../../../src/worker/route_note.ts";
import type { AccessLog } from "../../../src/worker/access_log.ts";
import { errorsIn } from "../frameworks/errors_in.ts";
import { waitFor } from "../../support/wait_for.ts";
import { measuredWorker } from "../../support/worker_metrics.ts";

/** A server that is recorded, until the end of the test. */
async function serve(
  listener: (request: http.IncomingMessage, response: http.ServerResponse) => void,
  options: { sizesByEndpoint?: boolean; accessLog?: AccessLog } = {},
) {
  const worker = measuredWorker(options);
  const recorder = createHttpRecorder(worker.metrics, () => 0, options.accessLog);
  const server = http.createServer(listener);
  recorder.record(server);
  recorder.record(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...worker,
    server,
    port,
    async ask(path: string, init?: RequestInit): Promise<string> {
      const url = `http://127.0.0.1:${port}${path}`;
      // On a kept connection a client may send again what was broken off.
      using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
      return await fetch(url, { ...init, client })
        .then((response) => response.text()).catch(() => "broken");
    },
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
      recorder.uninstall();
    },
  };
}

/** An access log, and its lines as `METHOD TARGET STATUS`. */
function recordedLog(): { lines: string[]; accessLog: AccessLog } {
  const lines: string[] = [];
  return {
    lines,
    accessLog: {
      add: ({ method, target, status }) => void lines.push(`${method} ${target} ${status}`),
      flush() {},
      reopen() {},
    },
  };
}

/** Sends a text on a connection of its own, which is closed when the block ends. */
async function send(port: number, text: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text.replaceAll("\n", "\r\n")));
  return connection;
}

/** As a router of Express does it on the way in. */
function cutUrl(request: http.IncomingMessage): void {
  Object.assign(request, { originalUrl: request.url, url: "/cut" });
}

Deno.test("record() tells the whole path where a router has cut the request's URL", async () => {
  const targets: string[] = [];
  const accessLog = {
    add: ({ target }: { target: string }) => void targets.push(target),
    flush() {},
    reopen() {},
  };
  await using server = await serve((request, response) => {
    cutUrl(request);
    response.statusCode = 500;
    response.end();
  }, { accessLog });
  await server.ask("/api/users/7");
  assertEquals(errorsIn(await server.values()), {
    failed: {},
    byStatus: { "GET /api/users/:id 500": 1 },
  });
  assertEquals(targets, ["/api/users/7"]);
});

Deno.test("record() counts a noted error, once, by how the answer ended", async () => {
  await using server = await serve((request, response) => {
    setRoute(request, `${request.url}/:id`);
    noteError(request, new RangeError("told"));
    if (request.url === "/begun" || request.url === "/failing") {
      response.statusCode = request.url === "/begun" ? 200 : 500;
      response.write("x");
    }
    if (["/begun", "/failing", "/silent"].includes(request.url!)) {
      response.destroy();
      return;
    }
    response.statusCode = request.url === "/fails" ? 500 : request.url === "/refused" ? 404 : 200;
    response.end();
    // Too late to matter: the answer is complete.
    noteError(request, new TypeError("later"));
  });
  for (const path of ["/fails", "/refused", "/begun", "/failing", "/silent", "/fine"]) {
    await server.ask(path);
  }
  await waitFor(async () => (await server.values()).requests_in_progress === undefined);
  const values = await server.values();
  assertEquals(errorsIn(values), {
    failed: {
      "GET /fails/:id RangeError": 1,
      "GET /begun/:id RangeError": 1,
      "GET /failing/:id RangeError": 1,
      "GET /silent/:id RangeError": 1,
    },
    byStatus: {},
  });
  assertEquals(values.requests_total, 6);
});

Deno.test("record() tells sizes by endpoint when the answer is there", async () => {
  await using server = await serve((request, response) => {
    if (request.url !== "/nowhere") setRoute(request, "/posts/:id");
    request.resume();
    request.on("end", () => {
      response.statusCode = request.url === "/nowhere" ? 404 : 200;
      response.write("four");
      response.end("five5");
    });
  }, { sizesByEndpoint: true });
  await server.ask("/posts/1", { method: "POST", body: "x".repeat(100) });
  await server.ask("/posts/2");
  await server.ask("/nowhere", { method: "POST", body: "x".repeat(7) });
  const sizes = Object.entries(await server.values()).filter(([name]) => name.includes("_size_"));
  assertEquals(Object.fromEntries(sizes), {
    'request_size_bytes_sum{endpoint="/posts/:id"}': 100,
    'request_size_bytes_count{endpoint="/posts/:id"}': 1,
    'request_size_bytes_sum{endpoint="__other__"}': 7,
    'request_size_bytes_count{endpoint="__other__"}': 1,
    'response_size_bytes_sum{endpoint="/posts/:id"}': 18,
    'response_size_bytes_count{endpoint="/posts/:id"}': 2,
    'response_size_bytes_sum{endpoint="__other__"}': 9,
    'response_size_bytes_count{endpoint="__other__"}': 1,
  });
});

Deno.test("two recorders of one process count each their own server", async () => {
  await using one = await serve((_request, response) => response.end("one"));
  await using two = await serve((_request, response) => {
    response.write("two");
    response.end();
  });
  for (const server of [one, two, two]) await server.ask("/");
  const [first, second] = [await one.values(), await two.values()];
  assertEquals([first.requests_total, first.response_size_bytes_sum], [1, 3]);
  assertEquals([second.requests_total, second.response_size_bytes_sum], [2, 6]);
});

Deno.test("record() takes a server over from another recorder, also to drain it", async () => {
  await using server = await serve((_request, response) => response.end("first"));
  const later = measuredWorker();
  const recorder = createHttpRecorder(later.metrics, () => 0);
  await server.ask("/");
  recorder.record(server.server);
  assert(isRecorded(server.server));
  recorder.drain();
  await server.ask("/");
  assertEquals((await server.values()).requests_total, 1);
  assertEquals((await later.values()).requests_total, 1);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  assertMatch(await new Response(connection.readable).text(), /^connection: close\r$/im);
  recorder.uninstall();
});

Deno.test("record() counts a request once that the application sends on to itself", async () => {
  const seen = new Set<http.IncomingMessage>();
  await using server = await serve((request, response) => {
    if (seen.has(request)) return void response.end("sent on");
    seen.add(request);
    server.server.emit("request", request, response);
  });
  assertEquals(await server.ask("/"), "sent on");
  const { requests_total, requests_in_progress } = await server.values();
  assertEquals([requests_total, requests_in_progress], [1, undefined]);
});

Deno.test("record() counts requests that expect something, where the application listens for them", async () => {
  await using server = await serve((request, response) => {
    request.resume();
    response.end("taken");
  });
  server.server.on("checkContinue", (request, response) => {
    if (request.url === "/refused") return void response.writeHead(417).end();
    response.writeContinue();
    server.server.emit("request", request, response);
  });
  server.server.on("checkExpectation", (_request, response) => response.writeHead(417).end());
  for (
    const [path, expected, status] of [
      ["/refused", "100-continue", 417],
      ["/taken", "100-continue", 100],
      ["/tea", "tea", 417],
    ]
  ) {
    const head = `POST ${path} HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 1\n`;
    const connection = await send(server.port, `${head}Expect: ${expected}\n\nx`);
    const answer = await new Response(connection.readable).text();
    assertEquals([path, answer.slice(0, 12)], [path, `HTTP/1.1 ${status}`]);
  }
  const values = await server.values();
  assertEquals(values.requests_total, 3);
  assertEquals(values['responses_total{code="417"}'], 2);
  assertEquals(values['responses_total{code="200"}'], 1);
  assertEquals(values.requests_in_progress, undefined);
});

Deno.test("record() takes no notice of an answer that comes after the client has gone", async () => {
  const { lines, accessLog } = recordedLog();
  let gone: http.ServerResponse | undefined;
  await using server = await serve((_request, response) => {
    response.on("close", () => gone = response);
  }, { accessLog });
  (await send(server.port, "GET /late HTTP/1.1\nHost: a\n\n")).close();
  await waitFor(() => gone !== undefined);
  gone!.end("late");
  const values = await server.values();
  assertEquals([values.requests_total, values.response_size_bytes_count], [1, undefined]);
  assertEquals(lines, ["GET /late 499"]);
});

Deno.test("record() takes the answer that is sent in place of one that was refused", async () => {
  const { lines, accessLog } = recordedLog();
  await using server = await serve((request, response) => {
    try {
      response.statusCode = request.url === "/status" ? 42 : 200;
      response.end(request.url === "/status" ? "x" : 5 as never);
    } catch {
      response.statusCode = 500;
      response.end("refused");
    }
  }, { accessLog });
  for (const path of ["/status", "/chunk"]) assertEquals(await server.ask(path), "refused");
  const values = await server.values();
  assertEquals([values.requests_total, values['responses_total{code="500"}']], [2, 2]);
  assertEquals([values.response_size_bytes_count, values.response_size_bytes_sum], [2, 14]);
  assertEquals(Object.keys(errorsIn(values).byStatus).sort(), [
    "GET /chunk 500",
    "GET /status 500",
  ]);
  assertEquals(lines, ["GET /status 500", "GET /chunk 500"]);
});

Deno.test("record() counts an error once that was told and then thrown out of the listener", async () => {
  await using server = await serve((request, response) => {
    const error = new RangeError("told and thrown");
    if (request.url === "/told") noteError(request, error);
    if (request.url === "/answered") {
      noteError(request, error);
      response.writeHead(500);
    }
    throw error;
  });
  const thrown: unknown[] = [];
  const emit = server.server.emit.bind(server.server) as (...args: unknown[]) => boolean;
  Object.assign(server.server, {
    emit(...args: unknown[]) {
      try {
        return emit(...args);
      } catch (error) {
        // As an application does in "uncaughtException".
        thrown.push(error);
        const response = args[2] as http.ServerResponse;
        response.statusCode = 500;
        response.end("sorry");
        return true;
      }
    },
  });
  for (const path of ["/told", "/answered", "/thrown"]) await server.ask(path);
  assertEquals(thrown.length, 3);
  assertEquals(errorsIn(await server.values()), {
    failed: {
      "GET /told RangeError": 1,
      "GET /answered RangeError": 1,
      "GET /thrown RangeError": 1,
    },
    byStatus: {},
  });
});

Deno.test("record() ends the requests that still wait for their turn when a connection closes", async () => {
  let received = 0;
  await using server = await serve((request, response) => {
    received++;
    if (request.url === "/begun") response.write("never sent");
    // The first one holds the others up.
    if (request.url === "/done") response.end();
  });
  const paths = ["/first", "/begun", "/done", "/silent"];
  const requests = paths.map((path) => `GET ${path} HTTP/1.1\nHost: a\n\n`).join("");
  const connection = await send(server.port, requests);
  await waitFor(() => received === paths.length);
  assertEquals((await server.values()).requests_in_progress, 3);
  connection.close();
  await waitFor(async () => (await server.values()).requests_in_progress === undefined);
  assertEquals((await server.values()).requests_total, paths.length);
});
