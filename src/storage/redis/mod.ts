/**
 * Metrics in Redis: one endpoint for the writers of many hosts.
 *
 * @module
 */
export type { RedisCommand, RedisConnection, RedisScript } from "./connection.ts";
export { awaitConnection, connectRedis } from "./connect.ts";
export type { RedisNode, RedisOptions } from "./options.ts";
export { redisPrefix } from "./options.ts";
export type { RedisClient, RedisPipeline } from "./redis_client.ts";
export type { RedisReadStats } from "./read_pass.ts";
export { openRedisReader, type RedisReader, type RedisReaderOptions } from "./reader.ts";
export {
  type FlushOutcome,
  openRedisWriter,
  type RedisWriter,
  type RedisWriterOptions,
} from "./writer.ts";
export {
  createRedisRetirer,
  type RedisRetired,
  type RedisRetirer,
  type RedisRetirerOptions,
} from "./retire.ts";
export { removeAllRedis, type RemoveAllRedisOptions } from "./remove_all.ts";
export type { Retention } from "../retention.ts";
