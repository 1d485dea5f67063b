import type { Config } from "../config/config.ts";
import { ConfigError } from "../core/errors.ts";

/**
 * Refuses a configuration that asks for Redis: ignoring it would look like lost metrics.
 *
 * @throws {ConfigError} when Redis is enabled
 */
export function refuseRedis(config: Config): void {
  if (!config.redis.enabled) return;
  throw new ConfigError([
    'REDIS_ENABLED is "true", but this version has no Redis storage yet, expected "false"',
  ]);
}
