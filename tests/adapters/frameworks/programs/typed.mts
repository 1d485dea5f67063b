/** The adapters with the types of the frameworks: it has only to pass the type checker. */
import { serve } from "@hono/node-server";
import Router from "@koa/router";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { honoMiddleware, metricsHandler, noteError, setRoute } from "@gpe/cli";
import {
  expressErrors,
  expressMiddleware,
  fastifyPlugin,
  koaMiddleware,
  nodeHandler,
  recordServer,
} from "@gpe/cli/node";

const app = express();
app.use(expressMiddleware());
app.get("/metrics", nodeHandler(metricsHandler()));
app.use(expressErrors());
recordServer(app.listen(0)).close();

const fastify = Fastify();
fastify.register(fastifyPlugin);
fastify.get("/own", (request) => {
  setRoute(request.raw, "/own");
  noteError(request.raw, new Error("told"));
});
recordServer(fastify.server).close();

export const routes = new Router().use(koaMiddleware()).routes();

type Env = { Variables: { user: string }; Bindings: { key: number } };
const hono = new Hono<Env>();
hono.use(honoMiddleware());
hono.use("/admin/*", honoMiddleware());
recordServer(serve(hono)).close();
