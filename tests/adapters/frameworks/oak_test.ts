import { assertEquals } from "@std/assert";
import { Application, Router } from "npm:@oakserver/oak@^14.1.0";
import { oakMiddleware } from "../../../src/adapters/frameworks/oak.ts";
import { createInstrumentation } from "../../../src/worker/instrument.ts";
import { measuredWorker } from "../../support/worker_metrics.ts";
import { startServing } from "../../integration/serving.ts";
import { sumOf } from "../../support/exposition.ts";
import { tempDir } from "../../support/temp_dir.ts";
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

const LISTENS = `
import { Application, Router } from "npm:@oakserver/oak@^14.1.0";
import { oakMiddleware } from ${JSON.stringify(new URL("../../../mod.ts", import.meta.url).href)};
const router = new Router();
router.get("/users/:id", ({ response }) => { response.body = "four"; });
router.get("/fails/:id", () => { throw new RangeError("no"); });
const app = new Application({ logErrors: false });
app.use(oakMiddleware());
app.use(router.routes());
await app.listen({ port: 8000 });
`;

// That build makes a server of node:http, and hides the request from middleware.
Deno.test("an application of npm's Oak that listens by itself is counted under gpe serve, by its paths", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/app.ts`;
  await Deno.writeTextFile(path, LISTENS);
  await using serving = await startServing(path, { workers: 1 });
  assertEquals(await (await fetch(`${serving.app}/users/7`)).text(), "four");
  assertEquals((await fetch(`${serving.app}/fails/7`)).status, 500);
  const samples = await serving.scrape();
  assertEquals(sumOf(samples, "gunicorn_worker_requests_total"), 2);
  assertEquals(sumOf(samples, "gunicorn_worker_response_size_bytes_count"), 2);
  const failure = { endpoint: "/fails/:id", error_type: "500" };
  assertEquals(sumOf(samples, "gunicorn_worker_error_handling_total", failure), 1);
});
