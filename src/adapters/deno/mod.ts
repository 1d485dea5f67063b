/**
 * The package on Deno: the storage of a process, and the metrics of all.
 *
 * @module
 */
export { denoFilePrimitives } from "./file_primitives.ts";
export { instrument } from "../library/instrument.ts";
export {
  aggregate,
  type AggregateOptions,
  metricsHandler,
  type MetricsHandlerOptions,
} from "../library/metrics_handler.ts";
export {
  type OpenedStorage,
  openStorage,
  type OpenStorageOptions,
} from "../library/open_storage.ts";
export type {
  RedisClient,
  RedisNode,
  RedisOptions,
  RedisPipeline,
} from "../../storage/redis/mod.ts";
