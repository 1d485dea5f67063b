/**
 * Metrics in Redis: one endpoint for the writers of many hosts.
 *
 * @module
 */
export type { RedisCommand, RedisConnection, RedisScript } from "./connection.ts";
export type { RedisReadStats } from "./read_pass.ts";
export { openRedisReader, type RedisReader, type RedisReaderOptions } from "./reader.ts";
export {
  type FlushOutcome,
  openRedisWriter,
  type RedisWriter,
  type RedisWriterOptions,
} from "./writer.ts";
