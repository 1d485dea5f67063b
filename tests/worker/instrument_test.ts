import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Registry } from "../../src/core/registry.ts";
import { createInstrumentation } from "../../src/worker/instrument.ts";
import { installResponseTracking } from "../../src/worker/response_tracking.ts";
import { createWorkerMetrics } from "../../src/worker/worker_metrics.ts";
import { measuredWorker } from "../support/worker_metrics.ts";

/** An instrumentation whose clock is moved by hand. */
function setUp() {
  const worker = measuredWorker();
  const clock = { ms: 1000 };
  return { ...worker, clock, ...createInstrumentation(worker.metrics, () => clock.ms) };
}

const get = (path = "/"): Request => new Request(`http://localhost${path}`);

Deno.test("instrument() records a request when the response is there", async () => {
  const { instrument, values, clock } = setUp();
  const uninstall = installResponseTracking();
  try {
    const { promise, resolve } = Promise.withResolvers<Response>();
    const answer = instrument((_request: Request) => promise)(get());
    assertEquals(await values(), { requests_in_progress: 1 });
    clock.ms += 250;
    const response = new Response("abc", { status: 201 });
    resolve(response);
    assertStrictEquals(await answer, response);
    assertEquals(await values(), {
      requests_total: 1,
      request_duration_seconds_sum: 0.25,
      request_duration_seconds_count: 1,
      'responses_total{code="201"}': 1,
      response_size_bytes_sum: 3,
      response_size_bytes_count: 1,
    });
  } finally {
    uninstall();
  }
});

Deno.test("instrument() returns the same object at once when the handler is synchronous", () => {
  const { instrument } = setUp();
  const response = new Response();
  assertStrictEquals(instrument((_request: Request) => response)(get()), response);
});

Deno.test("instrument() keeps this, arguments, length and name when it wraps a handler", () => {
  const { instrument } = setUp();
  const seen: unknown[] = [];
  function handle(this: unknown, ...args: [Request, string, number]): Response {
    seen.push(this, args.slice(1));
    return new Response();
  }
  const wrapped = instrument(handle);
  const self = {};
  wrapped.call(self, get(), "a", 2);
  assertStrictEquals(seen[0], self);
  assertEquals(seen[1], ["a", 2]);
  assertEquals(instrument((_a: Request, _b: string) => new Response()).length, 2);
  assertEquals([wrapped.name, instrument(() => new Response()).length], ["handle", 1]);
  assertStrictEquals(instrument(wrapped), wrapped);
});

Deno.test("instrument() keeps an object's members and self when it wraps its fetch", async () => {
  const { instrument, values } = setUp();
  class App {
    readonly port = 3000;
    #text = "private";
    fetch(_request: Request): Response {
      return new Response(this.#text);
    }
    greet(): string {
      return "hello";
    }
  }
  const app = new App();
  const wrapped = instrument(app);
  assert(wrapped instanceof App && wrapped !== app);
  assertEquals([wrapped.port, wrapped.greet()], [3000, "hello"]);
  const { fetch } = wrapped;
  assertEquals(await fetch(get()).text(), "private");
  assertEquals(
    await instrument(Object.freeze({ fetch: () => new Response("x") })).fetch().text(),
    "x",
  );
  assertEquals((await values()).requests_total, 2);
  assertStrictEquals(instrument(wrapped), wrapped);
});

Deno.test("instrument() throws when there is nothing to wrap", () => {
  const { instrument } = setUp();
  for (const target of [null, undefined, 5, {}, { fetch: 1 }]) {
    assertThrows(() => instrument(target as never), TypeError, "Cannot instrument the application");
  }
});

Deno.test("instrument() passes the same error on when the handler throws or rejects", async () => {
  const { instrument, values } = setUp();
  const thrown = new RangeError("sync");
  const rejected = new SyntaxError("async");
  const wrapped = instrument((request: Request): Promise<Response> => {
    if (request.url.endsWith("/1")) throw thrown;
    return Promise.reject(rejected);
  });
  assertStrictEquals(assertThrows(() => wrapped(get("/item/1"))), thrown);
  const post = new Request("http://localhost/item/2", { method: "POST" });
  assertStrictEquals(await assertRejects(() => wrapped(post)), rejected);
  assertEquals(without(await values(), "request_duration_seconds_sum"), {
    requests_total: 2,
    request_duration_seconds_count: 2,
    'responses_total{code="500"}': 2,
    'failed_requests_total{method="GET",endpoint="/item/:id",error_type="RangeError"}': 1,
    'failed_requests_total{method="POST",endpoint="/item/:id",error_type="SyntaxError"}': 1,
    'error_handling_total{method="GET",endpoint="/item/:id",error_type="RangeError"}': 1,
    'error_handling_total{method="POST",endpoint="/item/:id",error_type="SyntaxError"}': 1,
  });
});

Deno.test("instrument() counts an error response when the status is 500 or more", async () => {
  const { instrument, values } = setUp();
  instrument((_request: Request) => new Response(null, { status: 503 }))(get("/a"));
  instrument((_request: Request) => new Response(null, { status: 404 }))(get("/b"));
  const found = await values();
  assertEquals(found['error_handling_total{method="GET",endpoint="/a",error_type="503"}'], 1);
  assertEquals(Object.keys(found).filter((name) => name.startsWith("error_")).length, 1);
  assertEquals(found['responses_total{code="404"}'], 1);
});

Deno.test("instrument() passes the result on when it is no response", async () => {
  const { instrument, values } = setUp();
  const wrong = { not: "a response" };
  assertStrictEquals(instrument((_request: Request) => wrong)(get()), wrong);
  assertEquals(await instrument((_request: Request) => Promise.resolve(5))(get()), 5);
  assertEquals(instrument((_request: Request) => Response.error())(get()).type, "error");
  const found = await values();
  assertEquals(found.requests_total, 3);
  assertEquals(found['responses_total{code="500"}'], 3);
  assertEquals(found['failed_requests_total{method="GET",endpoint="/",error_type="TypeError"}'], 3);
});

Deno.test("instrument() names at most 100 endpoints when more of them fail", async () => {
  const { instrument, register } = setUp();
  const fails = instrument((_request: Request) => new Response(null, { status: 500 }));
  for (let i = 0; i < 130; i++) fails(get(`/page-${i}`));
  const lines = (await register.metrics()).split("\n")
    .filter((line) => line.startsWith("gunicorn_worker_error_handling_total{"));
  assertEquals(lines.length, 101);
  assert(lines.some((line) => line.includes('endpoint="__other__"') && line.endsWith(" 30")));
});

Deno.test("instrument() observes the announced size when the method has a body", async () => {
  const { instrument, values } = setUp();
  const handle = instrument((_request: Request) => new Response());
  const ask = (method: string, length: string) =>
    handle(new Request("http://localhost/", { method, headers: { "content-length": length } }));
  ask("POST", "2000");
  ask("PUT", "48");
  ask("GET", "5");
  ask("POST", "-5");
  ask("POST", "chunky");
  const found = await values();
  assertEquals([found.request_size_bytes_count, found.request_size_bytes_sum], [2, 2048]);
});

Deno.test("instrument() counts a stream when the application made it", async () => {
  const { instrument, values } = setUp();
  const uninstall = installResponseTracking();
  try {
    const chunks = () => ReadableStream.from([new Uint8Array(700), new Uint8Array(5)]);
    const handle = instrument((_request: Request) =>
      new Response(chunks(), { status: 206, statusText: "Part", headers: { "x-a": "b" } })
    );
    const response = handle(get());
    assertEquals((await values()).response_size_bytes_count, undefined);
    assertEquals([response.status, response.statusText], [206, "Part"]);
    assertEquals([...response.headers], [["x-a", "b"]]);
    assertEquals((await response.bytes()).length, 705);
    const found = await values();
    assertEquals([found.response_size_bytes_count, found.response_size_bytes_sum], [1, 705]);

    const head = new Request("http://localhost/", { method: "HEAD" });
    const sized = new Response("abcdef");
    assertStrictEquals(instrument((_request: Request) => sized)(head), sized);
    const after = await values();
    assertEquals([after.response_size_bytes_count, after.response_size_bytes_sum], [2, 705]);
  } finally {
    uninstall();
  }
});

Deno.test("instrument() leaves a response alone when the runtime made it or its stream", async () => {
  const { instrument, values } = setUp();
  const uninstall = installResponseTracking();
  try {
    const fetched = await fetch(import.meta.url);
    assertStrictEquals(instrument((_request: Request) => fetched)(get()), fetched);
    const proxied = new Response(fetched.body);
    assertStrictEquals(instrument((_request: Request) => proxied)(get()), proxied);
    await proxied.body?.cancel();
    assertEquals((await values()).response_size_bytes_count, undefined);
  } finally {
    uninstall();
  }
});

Deno.test("createWorkerMetrics() shows the highest value when the storage keeps no times", () => {
  const modes = (timestamps: boolean): unknown[] => {
    const register = new Registry();
    createWorkerMetrics({ register, workerId: "worker_1", prefix: "app", timestamps });
    return ["memory_bytes", "requests_in_progress"].map((name) => {
      const metric = register.getSingleMetric(`app_worker_${name}`);
      return (metric as unknown as { multiprocessMode: string }).multiprocessMode;
    });
  };
  assertEquals(modes(true), ["livemostrecent", "livesum"]);
  assertEquals(modes(false), ["livemax", "livesum"]);
});

function without(values: Record<string, number>, name: string): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key !== name));
}
