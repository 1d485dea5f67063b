/**
 * Which storage a configuration asks for.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { Config, RedisConfig } from "../../config/config.ts";
import { redisOptions } from "../../config/redis.ts";
import { SETTINGS } from "../../config/settings.ts";
import { ConfigError } from "../../core/errors.ts";
import { errorText } from "../../storage/filesystem/file_errors.ts";
import type { DirectoryPlace, RedisPlace, StoragePlace } from "./storage.ts";

/**
 * Where metrics are stored.
 *
 * Permission: read for the file with the certificates of Redis, where one is named.
 *
 * @param host What writers call this machine.
 * @throws {ConfigError} when that file cannot be read
 */
export function storagePlace(config: Config, host: string): StoragePlace {
  return redisPlace(config, host) ?? directoryPlace(config);
}

/** The directory, whether or not Redis is in its place. */
export function directoryPlace({ directory, layout }: Config): DirectoryPlace {
  return { kind: "directory", directory, layout };
}

/**
 * The variables that name a storage to the threads and programs which an application starts. Of Redis
 * they say nothing, for that has secrets.
 */
export function placeVariables(place: StoragePlace): Record<string, string> {
  return place.kind === "directory" ? { [SETTINGS.directory.env as string]: place.directory } : {};
}

/** Redis, where that is asked for. @throws {ConfigError} as {@linkcode storagePlace} */
export function redisPlace({ redis }: Config, host: string): RedisPlace | undefined {
  if (!redis.enabled) return undefined;
  const { client: _client, log: _log, ...options } = redisOptions(redis, certificates(redis));
  return { kind: "redis", redis: options, python: redis.python, host };
}

function certificates({ caFile }: RedisConfig): string | undefined {
  if (caFile === undefined) return undefined;
  try {
    return readFileSync(caFile, "utf8");
  } catch (error) {
    throw new ConfigError([
      `REDIS_SSL_CAFILE is ${JSON.stringify(caFile)}: ${
        errorText(error)
      }, expected a readable file`,
    ], { cause: error });
  }
}
