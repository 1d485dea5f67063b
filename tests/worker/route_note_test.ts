import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { createInstrumentation } from "../../src/worker/instrument.ts";
import { installResponseTracking } from "../../src/worker/response_tracking.ts";
import {
  caughtError,
  noteError,
  noteRoute,
  routeOf,
  setRoute,
} from "../../src/worker/route_note.ts";
import { measuredWorker } from "../support/worker_metrics.ts";

function setUp(options: { sizesByEndpoint?: boolean } = {}) {
  const worker = measuredWorker(options);
  return { ...worker, ...createInstrumentation(worker.metrics, () => 0) };
}

const get = (path = "/"): Request => new Request(`http://localhost${path}`);
const answer = (status: number): Response => new Response("x", { status });

/** The series that count errors. */
async function errors(values: () => Promise<Record<string, number>>) {
  const found = Object.entries(await values());
  return Object.fromEntries(found.filter(([name]) => /^(failed|error)_/.test(name)));
}

Deno.test("setRoute() names the endpoint when the request fails", async () => {
  const { instrument, values } = setUp();
  instrument((request: Request) => {
    setRoute(request, "/users/:name");
    return answer(503);
  })(get("/users/ada"));
  assertEquals(await errors(values), {
    'error_handling_total{method="GET",endpoint="/users/:name",error_type="503"}': 1,
  });
});

Deno.test("noteError() counts a failed request by its class, once, when the status is 500 or above", async () => {
  const { instrument, values } = setUp();
  const handle = instrument((request: Request) => {
    setRoute(request, "/a/:b");
    noteError(request, new SyntaxError("first"));
    noteError(request, new RangeError("last"));
    return answer(Number(new URL(request.url).pathname.slice(3)));
  });
  for (const status of [200, 404, 499, 500, 502]) handle(get(`/a/${status}`));
  assertEquals(await errors(values), {
    'failed_requests_total{method="GET",endpoint="/a/:b",error_type="RangeError"}': 2,
    'error_handling_total{method="GET",endpoint="/a/:b",error_type="RangeError"}': 2,
  });
});

Deno.test("noteError() counts nothing more when the handler throws", async () => {
  const { instrument, values } = setUp();
  const error = new TypeError("thrown");
  const handle = instrument((request: Request): Promise<Response> => {
    noteError(request, error);
    return Promise.reject(error);
  });
  assertStrictEquals(await handle(get("/x")).catch((error) => error), error);
  assertEquals(await errors(values), {
    'failed_requests_total{method="GET",endpoint="/x",error_type="TypeError"}': 1,
    'error_handling_total{method="GET",endpoint="/x",error_type="TypeError"}': 1,
  });
});

Deno.test("noteError() counts when the stream of an answer fails", async () => {
  const { instrument, values } = setUp();
  const uninstall = installResponseTracking();
  try {
    const handle = instrument((request: Request) =>
      new Response(
        new ReadableStream({
          pull(controller) {
            if (request.url.endsWith("/noted")) noteError(request, new RangeError("Torn"));
            controller.error(new Error("The source is gone"));
          },
        }, { highWaterMark: 0 }),
      )
    );
    for (const path of ["/noted", "/silent"]) {
      assert(await handle(get(path)).text().catch((error) => error) instanceof Error);
    }
    assertEquals(await errors(values), {
      'failed_requests_total{method="GET",endpoint="/noted",error_type="RangeError"}': 1,
      'error_handling_total{method="GET",endpoint="/noted",error_type="RangeError"}': 1,
    });
  } finally {
    uninstall();
  }
});

Deno.test("a route's template is cut and cleaned, and at most 100 are named beside 100 paths", async () => {
  const { instrument, register } = setUp();
  const handle = instrument((request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/own")) setRoute(request, pathname);
    if (pathname === "/odd") setRoute(request, `/a\n\u0000\ud800b${"c".repeat(500)}`);
    return answer(500);
  });
  for (let i = 0; i < 1000; i++) handle(get(`/garbage-${i}`));
  handle(get("/odd"));
  for (let i = 0; i < 130; i++) handle(get(`/own-${i}`));
  const page = await register.metrics();
  const endpoints = new Set(
    [...page.matchAll(/error_handling_total\{.*endpoint="(.*?)"/g)].map(([, name]) => name!),
  );
  assertEquals(endpoints.size, 201);
  assert(endpoints.has(`/a___b${"c".repeat(122)}`));
  assert(endpoints.has("/own-98") && !endpoints.has("/own-99"));
  assert(endpoints.has("/garbage-99") && !endpoints.has("/garbage-100"));
});

Deno.test("an endpoint that is a path is no longer than a template", async () => {
  const { instrument, values } = setUp();
  const handle = instrument((_request: Request) => answer(500));
  for (const end of ["", "x", "/y/z"]) handle(get("/a".repeat(4000) + end));
  assertEquals(await errors(values), {
    [`error_handling_total{method="GET",endpoint="${"/a".repeat(64)}",error_type="500"}`]: 3,
  });
});

Deno.test("notes do no harm when a request takes none, or a framework's answer is odd", () => {
  const frozen = Object.freeze({});
  noteError(frozen, new Error());
  setRoute(frozen, "/");
  assertEquals([routeOf(frozen), caughtError(frozen)], [undefined, undefined]);
  const request = {};
  assertEquals(
    noteRoute(request, () => {
      throw new Error("no such property");
    }),
    true,
  );
  assertEquals(routeOf(request), undefined);
  // A second adapter on the same request has nothing to add.
  assertEquals(noteRoute(request, () => "/second"), false);
  setRoute(request, "/told");
  assertEquals(routeOf(request), "/told");
  assertEquals(caughtError(request), undefined);
  noteError(request, undefined);
  assertEquals(caughtError(request)?.error, undefined);
  assert(caughtError(request) !== undefined);
});

Deno.test("sizes have an endpoint when asked for: that of the answer", async () => {
  const { instrument, values } = setUp({ sizesByEndpoint: true });
  const uninstall = installResponseTracking();
  try {
    const handle = instrument((request: Request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/throws/7") throw new Error("no");
      if (pathname.startsWith("/users/")) setRoute(request, "/users/:name");
      return pathname === "/users/stream"
        ? new Response(ReadableStream.from([new Uint8Array(50)]))
        : new Response("four", { status: pathname === "/users/none" ? 404 : 200 });
    });
    const post = (path: string, length: number) =>
      handle(
        new Request(`http://localhost${path}`, {
          method: "POST",
          headers: { "content-length": `${length}` },
        }),
      );
    post("/users/ada", 100);
    post("/users/none", 10);
    await handle(get("/users/stream")).bytes();
    post("/items/5", 1000);
    try {
      post("/throws/7", 5);
    } catch {
      // as it shall
    }
    const found = Object.entries(await values()).filter(([name]) => name.includes("_size_"));
    assertEquals(Object.fromEntries(found), {
      'request_size_bytes_sum{endpoint="/users/:name"}': 110,
      'request_size_bytes_count{endpoint="/users/:name"}': 2,
      'request_size_bytes_sum{endpoint="/items/:id"}': 1000,
      'request_size_bytes_count{endpoint="/items/:id"}': 1,
      'request_size_bytes_sum{endpoint="/throws/:id"}': 5,
      'request_size_bytes_count{endpoint="/throws/:id"}': 1,
      'response_size_bytes_sum{endpoint="/users/:name"}': 58,
      'response_size_bytes_count{endpoint="/users/:name"}': 3,
      'response_size_bytes_sum{endpoint="/items/:id"}': 4,
      'response_size_bytes_count{endpoint="/items/:id"}': 1,
    });
  } finally {
    uninstall();
  }
});

Deno.test("sizes by endpoint stay few when strangers ask for 10,000 paths that do not exist", async () => {
  const { instrument, register } = setUp({ sizesByEndpoint: true });
  const uninstall = installResponseTracking();
  try {
    const handle = instrument((request: Request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/own") return answer(200);
      if (pathname === "/routed") setRoute(request, "/routed");
      return answer(pathname === "/routed" ? 200 : Number(pathname.slice(1, 4)));
    });
    for (let i = 0; i < 10_000; i++) handle(get(`/${[404, 405, 401, 308][i % 4]}-${i}`));
    handle(get("/own"));
    // Also where each garbage path has an answer, it takes nothing away from templates.
    for (let i = 0; i < 1000; i++) handle(get(`/200-${i}`));
    handle(get("/routed"));
    const page = await register.metrics();
    const count = (endpoint: string): number =>
      Number(
        new RegExp(`response_size_bytes_count{.*endpoint="${endpoint}"} (\\d+)`).exec(page)?.[1],
      );
    assertEquals([count("/own"), count("/routed"), count("__other__")], [1, 1, 10_000 + 901]);
    assertEquals(page.match(/^gunicorn_worker_response_size_bytes_count/gm)?.length, 102);
  } finally {
    uninstall();
  }
});

Deno.test("the size of an error handler's answer has the endpoint of the request that failed", async () => {
  const { forServer, values } = setUp({ sizesByEndpoint: true });
  const uninstall = installResponseTracking();
  try {
    const { handler, onError } = forServer({
      handler(request: Request) {
        setRoute(request, "/fails/:id");
        throw new Error("no");
      },
      onError: () => new Response("sorry", { status: 500 }),
    }, (response) => response);
    try {
      handler(get("/fails/1"));
    } catch (error) {
      await onError!(error);
    }
    const found = await values();
    assertEquals(found['response_size_bytes_sum{endpoint="/fails/:id"}'], 5);
    assertEquals(found['responses_total{code="500"}'], 1);
  } finally {
    uninstall();
  }
});
