import { assertEquals } from "@std/assert";
import { Application, Router } from "npm:@oakserver/oak@^14.1.0";
import { oakMiddleware } from "../../../src/adapters/frameworks/oak.ts";
import { createInstrumentation } from "../../../src/worker/instrument.ts";
import { measuredWorker } from "../../support/worker_metrics.ts";
import { errorsIn } from "./errors_in.ts";

Deno.test("oakMiddleware() tells templates of routers in routers, and errors that Oak answers", async () => {
  const items = new Router();
  items.get("/items/:item", () => {
    throw new RangeError("no item");
  });
  items.post("/items/:other", () => {});
  const router = new Router();
  router.use((_context, next) => next());
  router.use("/shops/:shop", items.routes());
  router.get("/refused/:id", (context) => context.throw(403));
  router.get("/status/:id", ({ response }) => {
    response.status = 503;
  });
  router.get("/text/:id", () => {
    throw "no error at all";
  });
  const app = new Application({ logErrors: false });
  app.use((context, next) => {
    if (context.request.url.pathname === "/before/7") throw new TypeError("before");
    return next();
  });
  app.use(oakMiddleware());
  app.use(oakMiddleware());
  app.use(router.routes());

  const { metrics, values } = measuredWorker();
  const { instrument } = createInstrumentation(metrics, () => 0);
  const fetch = instrument(async (request: Request) => {
    const { status } = (await app.handle(request as never))!;
    return new Response(null, { status });
  });
  const statuses: number[] = [];
  const asked = ["/refused/7", "/shops/acme/items/7", "/status/7", "/text/7", "/before/7", "/no"];
  for (const path of asked) {
    statuses.push((await fetch(new Request(`http://localhost${path}`))).status);
  }
  assertEquals(statuses, [403, 500, 503, 500, 500, 404]);
  assertEquals(errorsIn(await values()), {
    failed: {
      "GET /shops/:shop/items/:item RangeError": 1,
      "GET /text/:id string": 1,
      "GET /before/:id TypeError": 1,
    },
    byStatus: { "GET /status/:id 503": 1 },
  });
});
