/**
 * The package on Node, beyond what the main module has for every runtime.
 *
 * @module
 */
export type { Address, CertificateFiles } from "../../config/config.ts";
export type { Log, LogLevel } from "../../core/log.ts";
export type {
  RedisClient,
  RedisNode,
  RedisOptions,
  RedisPipeline,
} from "../../storage/redis/mod.ts";
export {
  type ExpressErrorHandler,
  expressErrors,
  type ExpressMiddleware,
  expressMiddleware,
  type ExpressNext,
} from "../frameworks/express.ts";
export {
  type FastifyLike,
  type FastifyPlugin,
  fastifyPlugin,
  type FastifyReplyLike,
  type FastifyRequestLike,
} from "../frameworks/fastify.ts";
export {
  type KoaApplication,
  type KoaContext,
  type KoaMiddleware,
  koaMiddleware,
} from "../frameworks/koa.ts";
export { type NodeHandler, nodeHandler } from "../http/node_handler.ts";
export { type ClusterWorker, startWorker, type StartWorkerOptions } from "./cluster_worker.ts";
export { recordServer } from "./record_server.ts";
export { nodeFilePrimitives } from "./file_primitives.ts";
export { type PrimaryOptions, runPrimary } from "./primary.ts";
