/** Express where it is not simple: routers in routers, and every way to fail. Which one: its argument. */
import { createServer } from "node:http";
import process from "node:process";
import { expressErrors, expressMiddleware, recordServer } from "@gpe/cli/node";
import { ask, listen, report } from "./asking.mjs";

const { default: express } = await import(process.argv[2]);
const isFive = process.argv[2] === "express";

const items = express.Router({ mergeParams: true });
items.use((_request, _response, next) => next());
items.get("/:item", () => {
  throw new RangeError("no item");
});
items.get("/", (_request, response) => response.status(500).send("status alone"));
const shops = express.Router();
shops.use((_request, _response, next) => next());
shops.use("/:shop/items", items);

const inner = express();
inner.get("/deep/:x", (_request, _response, next) => next(new TypeError("deep")));

const profile = express.Router({ mergeParams: true });
profile.get("/", (_request, response) => response.status(204).end());

const app = express();
app.set("env", "test"); // prints nothing
app.use(expressMiddleware());
app.use(expressMiddleware());
app.use("/shops", shops);
app.use("/inner", inner);
app.use("/@:user", profile);
app.use("/from/:a-:b", profile);
app.use(/^\/old(\d+)/, profile);
app.use(isFive ? "/tree/*path" : "/tree/*", profile);
app.use("/files", (_request, response) => response.send("a file"));
app.get(["/a", "/b/:c"], (_request, response) => response.status(502).end());
app.get(/^\/re\/(\d+)$/, (_request, response) => response.status(503).end());
app.get("/text/:id", () => {
  throw "no error at all";
});
app.get("/refused/:id", (_request, _response, next) => {
  next(Object.assign(new Error("refused"), { status: 422 }));
});
app.get("/recovered", () => {
  throw new Error("but it is all right");
});
app.get("/late", (_request, response) => {
  response.write("begun");
  throw new SyntaxError("too late");
});
app.get("/async/:id", async () => {
  await Promise.resolve();
  throw new URIError("rejected");
});
app.use(expressErrors());
app.use(expressErrors());
app.use((error, request, response, next) => {
  if (response.headersSent) return next(error);
  response.status(request.path === "/recovered" ? 200 : error?.status ?? 500).send("Sorry");
});

const url = await listen(recordServer(createServer(app)));
await ask(url, [
  "GET /shops/acme/items/7 500",
  "GET /shops/a%20b/items/x 500",
  "GET /shops/acme/items 500",
  "GET /inner/deep/1 500",
  "GET /files/some/file.txt 200",
  // In any case it is the same route.
  "GET /SHOPS/Acme/Items/8 500",
  "GET /Files/Some/file.txt 200",
  "GET /@ada 204",
  "GET /@b%20c/ 204",
  "GET /from/x-y 204",
  "GET /old12 204",
  "GET /old345 204",
  "GET /tree/a 204",
  "GET /Tree/a/b/c 204",
  "GET /a 502",
  "GET /b/1 502",
  "GET /re/12 503",
  "GET /text/1 500",
  "GET /refused/1 422",
  "GET /recovered 200",
  "GET /late broken",
  "GET /nowhere/at/all 404",
  ...isFive ? ["GET /async/1 500"] : [],
]);

// Where nobody records, the adapter does no harm.
const silent = await listen(createServer(app));
await ask(silent, ["GET /shops/acme/items/7 500", "GET /files/x 200", "GET /late broken"]);
await report();
