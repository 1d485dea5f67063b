import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  installResponseTracking,
  nativeResponse,
  STREAM_BODY,
  trackedBody,
  UNKNOWN_BODY,
} from "../../src/worker/response_tracking.ts";
import { utf8Length } from "../../src/worker/utf8_length.ts";

/** Runs with tracking, and gives the global back. */
async function tracking<T>(run: () => T | Promise<T>): Promise<T> {
  const uninstall = installResponseTracking();
  try {
    return await run();
  } finally {
    uninstall();
  }
}

const sizeOf = (response: Response): number => {
  const body = trackedBody(response);
  return typeof body === "string" ? utf8Length(body) : body;
};

function form(): FormData {
  const data = new FormData();
  data.set('quote"\nline', "a\nb\r\nc\rd \u{1f600}");
  data.append("file", new File(["hello"], 'ä"\r.txt', { type: "text/x" }));
  data.append("blob", new Blob([new Uint8Array(3000)]));
  return data;
}

const KNOWN: Readonly<Record<string, () => BodyInit | null | undefined>> = {
  "nothing": () => undefined,
  "null": () => null,
  "an empty text": () => "",
  "a text": () => "Grüße 漢字 \u{1f600} \ud800!",
  "a long text": () => "Grüße 漢字 \u{1f600} \ud800! ".repeat(100),
  "an ArrayBuffer": () => new ArrayBuffer(77),
  "a view": () => new Uint16Array(new ArrayBuffer(100), 10, 20),
  "a DataView": () => new DataView(new ArrayBuffer(100), 10, 20),
  "a Blob": () => new Blob(["abc", new Uint8Array(5)]),
  "URLSearchParams": () => new URLSearchParams({ a: "b c&", "ü": "" }),
  "a form": form,
  "an empty form": () => new FormData(),
};

for (const [name, body] of Object.entries(KNOWN)) {
  Deno.test(`trackedBody() equals the real length when the body is ${name}`, async () => {
    await tracking(async () => {
      const response = new Response(body());
      assertEquals(sizeOf(response.clone()), sizeOf(response));
      assertEquals(sizeOf(response), (await response.bytes()).byteLength);
    });
  });
}

Deno.test("trackedBody() knows a form's length when the type hides the boundary", async () => {
  await tracking(async () => {
    const response = new Response(form(), { headers: { "content-type": "x/y" } });
    assertEquals(sizeOf(response), (await response.bytes()).byteLength);
  });
});

Deno.test("trackedBody() says stream or unknown when there is no length", async () => {
  await tracking(async () => {
    const stream = new Response(new ReadableStream());
    assertEquals(trackedBody(stream), STREAM_BODY);
    assertEquals(trackedBody(stream.clone()), STREAM_BODY);
    async function* chunks() {
      yield await Promise.resolve(new Uint8Array(3));
    }
    assertEquals(trackedBody(new Response(chunks() as never)), STREAM_BODY);
    assertEquals(trackedBody(new Response(12 as never)), UNKNOWN_BODY);
    assertEquals(trackedBody(Response.error()), UNKNOWN_BODY);
    assertEquals(trackedBody(await fetch("data:text/plain,abc")), UNKNOWN_BODY);
    assertEquals(trackedBody(new (nativeResponse())("abc")), UNKNOWN_BODY);
  });
});

Deno.test("Response stays what it is when it is tracked", async () => {
  const native = Response;
  const before = Object.getOwnPropertyDescriptors(native);
  const jsonLength = native.json.length;
  const fetched = await fetch("data:,abc");
  await tracking(() => {
    const response = new Response("x");
    assert(Response !== native);
    assertInstanceOf(response, native);
    for (const made of [response, fetched, Response.error(), Response.json(1), response.clone()]) {
      assertInstanceOf(made, Response);
      assertStrictEquals(Object.getPrototypeOf(made), Response.prototype);
      assertStrictEquals(made.constructor, Response);
    }
    assertStrictEquals(Response.prototype, native.prototype);
    assertEquals([Response.name, Response.length], [native.name, native.length]);
    assertEquals(Object.getOwnPropertyNames(Response), Object.keys(before));
    assertEquals([Response.json.name, Response.json.length], ["json", jsonLength]);
    assertStrictEquals(Object.getPrototypeOf(Response), Object.getPrototypeOf(native));
    assertEquals(Response.redirect("http://localhost/a").status, 302);
    assertEquals(typeof String(Response), "string");
    assertEquals(Object.prototype.toString.call(response), "[object Response]");
    assertEquals(Reflect.ownKeys(response), Reflect.ownKeys(new native("x")));
    class Teapot extends Response {
      readonly kind = "tea";
      constructor(text: string) {
        super(text, { status: 418 });
      }
    }
    const teapot = new Teapot("short");
    assertInstanceOf(teapot, Teapot);
    assertInstanceOf(teapot, Response);
    assertEquals([teapot.kind, teapot.status, trackedBody(teapot)], ["tea", 418, "short"]);
  });
  assertStrictEquals(Response, native);
  assertStrictEquals(native.prototype.constructor, native);
  assertEquals(Object.getOwnPropertyDescriptors(native), before);
});

Deno.test("installResponseTracking() keeps tracking until every user has uninstalled", () => {
  const native = Response;
  const first = installResponseTracking();
  const tracked = Response;
  const second = installResponseTracking();
  assertStrictEquals(Response, tracked);
  first();
  first();
  assertStrictEquals(Response, tracked);
  second();
  assertStrictEquals(Response, native);
});

/** Everything one can see of making a response, errors and the order of conversions included. */
async function observe(make: (note: (what: string) => void) => unknown): Promise<unknown> {
  const order: string[] = [];
  try {
    const response = make((what) => order.push(what)) as Response;
    return {
      order,
      status: [response.status, response.statusText, response.type, response.ok, response.url],
      headers: [...response.headers].filter(([, value]) => !value.startsWith("multipart/")),
      body: response.body === null ? null : await response.text(),
    };
  } catch (error) {
    return { order, name: (error as Error).name, text: (error as Error).message };
  }
}

type Make = (note: (what: string) => void) => unknown;
const circular: Record<string, unknown> = {};
circular.self = circular;
const spied = (note: (what: string) => void, init: ResponseInit): ResponseInit => ({
  get status() {
    note("status");
    return init.status!;
  },
  get statusText() {
    note("statusText");
    return init.statusText ?? "";
  },
  get headers() {
    note("headers");
    return init.headers!;
  },
});

// Each looks `Response` up when it runs: once it is the native one, once the tracked one.
const MAKES: Readonly<Record<string, Make>> = {
  "no argument": () => new Response(),
  "a text": () => new Response("abc"),
  "headers": () => new Response("abc", { headers: [["Set-Cookie", "a"], ["set-cookie", "b"]] }),
  "its own type": () => new Response("abc", { headers: { "content-type": "a/b" } }),
  "null init": () => new Response("abc", null as never),
  "a bad init": () => new Response("abc", 5 as never),
  "a bad status": () => new Response("abc", { status: 999 }),
  "a bad status text": () => new Response("abc", { statusText: "\n" }),
  "a body with 204": () => new Response("abc", { status: 204 }),
  "a bad header": () => new Response("abc", { headers: { "a b": "c" } }),
  "a symbol": () => new Response(Symbol("x") as never),
  "an object with toString": (note) =>
    new Response({ toString: () => (note("toString"), "text") } as never, spied(note, {})),
  "getters": (note) => new Response("abc", spied(note, { status: 201, statusText: "Made" })),
  "a locked stream": () => {
    const stream = new ReadableStream();
    stream.getReader();
    return new Response(stream);
  },
  "a call without new": () => (Response as unknown as () => unknown)(),
  "json": () => Response.json({ a: "ü", b: [1, null] }),
  "json with a status": () => Response.json({ a: 1 }, { status: 201, statusText: "Made" }),
  "json with a type": () => Response.json(1, { headers: { "Content-Type": "a/b" } }),
  "json with a text type": () =>
    Response.json(1, { headers: { "content-type": "text/plain;charset=UTF-8" } }),
  "json with headers": () => Response.json("x", { headers: new Headers({ b: "1", a: "2" }) }),
  "json with null init": () => Response.json(1, null as never),
  "json of nothing": () => Response.json(undefined),
  "json without arguments": () => (Response.json as unknown as () => unknown)(),
  "json of a function": () => Response.json(() => {}),
  "json of a cycle": () => Response.json(circular),
  "json of a bigint": () => Response.json(1n),
  "json with 204": () => Response.json(1, { status: 204 }),
  "json with a bad status": () => Response.json(1, { status: 42 }),
  "json with a bad init": () => Response.json(1, 5 as never),
  "json with toJSON": (note) => Response.json({ toJSON: () => (note("toJSON"), [1]) }),
  "json that throws": () =>
    Response.json({
      toJSON() {
        throw new RangeError("mine");
      },
    }),
  "json from a subclass": () => (class extends Response {}).json(1),
  "error": () => Response.error(),
  "redirect": () => Response.redirect("http://localhost/x", 308),
  "a bad redirect": () => Response.redirect("http://localhost/x", 200),
  "clone of a used body": () => {
    const response = new Response("abc");
    void response.text();
    return response.clone();
  },
  "clone on something else": () => Response.prototype.clone.call({} as never),
};

for (const [name, make] of Object.entries(MAKES)) {
  Deno.test(`Response does the same with tracking when it is given ${name}`, async () => {
    const native = await observe(make);
    assertEquals(await tracking(() => observe(make)), native);
  });
}

Deno.test("installResponseTracking() leaves a library's own Response alone", () => {
  const native = Response;
  // As @hono/node-server does it.
  class Quick extends native {}
  Object.defineProperty(Quick.prototype, "clone", { value: native.prototype.clone });
  globalThis.Response = Quick;
  try {
    assertStrictEquals(nativeResponse(), native);
    const uninstall = installResponseTracking();
    assertStrictEquals(Response, Quick);
    uninstall();
    assertStrictEquals(Response, Quick);
  } finally {
    globalThis.Response = native;
  }
  assertStrictEquals(nativeResponse(), native);
});
