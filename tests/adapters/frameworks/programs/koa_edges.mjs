/** Koa where it is not simple: errors that others catch, before and after this package's middleware. */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import Router from "@koa/router";
import Koa from "koa";
import { koaMiddleware, recordServer } from "@gpe/cli/node";
import { ask, listen, report } from "./asking.mjs";

function routes() {
  const items = new Router();
  items.get("/items/:item", () => {
    throw new RangeError("no item");
  });
  const router = new Router({ prefix: "/shops/:shop" });
  router.use(items.routes());
  const plain = new Router();
  plain.get("/refused/:id", (context) => context.throw(418));
  plain.get("/status/:id", (context) => {
    context.status = 503;
  });
  plain.get(/^\/re\/(\d+)$/, (context) => {
    context.status = 502;
  });
  plain.get("/text/:id", () => {
    throw "no error at all";
  });
  plain.get("/torn/:id", (context) => {
    context.body = Readable.from((async function* () {
      yield "begun";
      throw new ReferenceError("torn");
    })());
  });
  plain.get("/unread/:id", (context) => {
    context.body = new Readable({
      read() {
        this.destroy(new EvalError("before the first byte"));
      },
    });
  });
  return [router.routes(), plain.routes(), plain.allowedMethods()];
}

function serve(...middleware) {
  const app = new Koa();
  app.silent = true;
  for (const one of [...middleware, ...routes()]) app.use(one);
  return listen(recordServer(createServer(app.callback())));
}

/** Catches what comes, and answers; `tell` also tells the application, as Koa asks for. */
const catching = (tell) => async (context, next) => {
  try {
    await next();
  } catch (error) {
    context.status = error?.status ?? 500;
    context.body = "caught";
    if (tell) context.app.emit("error", error, context);
  }
};

// Nobody catches but Koa.
await ask(await serve(koaMiddleware(), koaMiddleware()), [
  "GET /shops/acme/items/7 500",
  "GET /refused/1 418",
  "GET /status/1 503",
  "GET /re/12 502",
  "GET /text/1 500",
  "GET /torn/1 broken",
  "GET /unread/1 broken",
  "GET /nowhere/1 404",
  "POST /status/1 405",
]);
// One outside catches.
await ask(await serve(catching(false), koaMiddleware()), [
  "GET /shops/outer/items/7 500",
  "GET /refused/2 418",
]);
// One inside catches, and tells.
await ask(await serve(koaMiddleware(), catching(true)), [
  "GET /shops/inner/items/7 500",
  "GET /refused/3 418",
]);
await report();
