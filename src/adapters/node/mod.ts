/**
 * The package on Node, beyond what the main module has for every runtime.
 *
 * @module
 */
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
export { recordServer } from "./record_server.ts";
export { nodeFilePrimitives } from "./file_primitives.ts";
