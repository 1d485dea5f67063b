import { assertEquals, assertRejects } from "@std/assert";
import { Hono } from "npm:hono@^4.13.19";
import { HTTPException } from "npm:hono@^4.13.19/http-exception";
import { honoMiddleware } from "../../../src/adapters/frameworks/hono.ts";
import { createInstrumentation } from "../../../src/worker/instrument.ts";
import { measuredWorker } from "../../support/worker_metrics.ts";
import { errorsIn } from "./errors_in.ts";

/** An application and what is recorded of it. */
function recorded(app: Hono) {
  const { metrics, values } = measuredWorker();
  const { instrument } = createInstrumentation(metrics, () => 0);
  const fetch = instrument(app.fetch);
  return {
    values,
    async ask(path: string): Promise<number> {
      const response = await fetch(new Request(`http://localhost${path}`));
      await response.body?.cancel();
      return response.status;
    },
  };
}

Deno.test("honoMiddleware() tells templates of sub-apps, and errors that Hono or the app answers", async () => {
  const items = new Hono();
  items.get("/:item", () => {
    throw new RangeError("no item");
  });
  const own = new Hono();
  own.onError((_error, c) => c.text("its own", 500));
  own.get("/:id", () => Promise.reject(new TypeError("own")));
  const admin = new Hono();
  admin.use((c) => Promise.resolve(c.text("who are you?", 503)));
  admin.get("/secret/:id", (c) => c.text("secret"));

  const app = new Hono().basePath("/api");
  app.use(honoMiddleware());
  app.use(honoMiddleware());
  app.use("/guarded/*", () => {
    throw new URIError("a middleware");
  });
  app.route("/shops/:shop/items", items);
  app.route("/own", own);
  app.route("/admin", admin);
  app.get("/guarded/:id", (c) => c.text("never"));
  app.get("/recovered/:id", () => {
    throw new Error("recovered");
  });
  app.get("/refused/:id", () => {
    throw new HTTPException(403);
  });
  app.get("/gateway/:id", () => {
    throw new HTTPException(502);
  });
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    return c.text("handled", error.message === "recovered" ? 200 : 500);
  });

  const { ask, values } = recorded(app);
  const asked = [
    "/api/shops/acme/items/7",
    "/api/own/7",
    "/api/admin/secret/7",
    "/api/guarded/7",
    "/api/recovered/7",
    "/api/refused/7",
    "/api/gateway/7",
    "/api/nowhere/7",
  ];
  assertEquals(await Promise.all(asked.map(ask)), [500, 500, 503, 500, 200, 403, 502, 404]);
  assertEquals(errorsIn(await values()), {
    failed: {
      "GET /api/shops/:shop/items/:item RangeError": 1,
      "GET /api/own/:id TypeError": 1,
      "GET /api/guarded/* URIError": 1,
      "GET /api/gateway/:id HTTPException": 1,
    },
    byStatus: { "GET /api/admin/* 503": 1 },
  });
});

Deno.test("honoMiddleware() lets what is no Error through, to be counted once", async () => {
  const app = new Hono();
  app.use(honoMiddleware());
  app.get("/text/:id", () => {
    throw "no error at all";
  });
  const { ask, values } = recorded(app);
  assertEquals(await ask("/text/1").catch((error) => error), "no error at all");
  assertEquals(errorsIn(await values()), {
    failed: { "GET /text/:id string": 1 },
    byStatus: {},
  });
});

Deno.test("honoMiddleware() counts for nothing when nobody records", async () => {
  const app = new Hono();
  app.use(honoMiddleware());
  app.get("/fails", () => {
    throw new Error("no");
  });
  app.onError((_error, c) => c.text("handled", 500));
  assertEquals((await app.request("/fails")).status, 500);
  assertEquals((await app.request("/nowhere")).status, 404);
  app.onError((error) => {
    throw error;
  });
  await assertRejects(async () => await app.request("/fails"), Error, "no");
});
