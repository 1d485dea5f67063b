import { permittedHostname } from "../adapters/deno/runtime.ts";
import { storageAt, type StorageUse } from "../adapters/deno/storage.ts";
import { directoryPlace, redisPlace } from "../adapters/storage/place.ts";
import type { Storage } from "../adapters/storage/storage.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Log } from "../core/log.ts";

/**
 * The storages that commands look at which others write: Redis, a directory, or both when Redis is on
 * and a directory was given. Nothing is opened yet.
 *
 * @throws {ConfigError} when the file with the certificates of Redis cannot be read
 */
export function writtenStorages({ config, origins }: LoadedConfig, log: Log): Storage[] {
  const use: StorageUse = { log, foreign: config.retire };
  const redis = redisPlace(config, permittedHostname());
  const directory = directoryPlace(config);
  if (redis === undefined) return [storageAt(directory, { ...use, mustExist: true })];
  const storages = [storageAt(redis, use)];
  // The configuration of Python's exporter names a directory with Redis as well: it may be missing.
  if (origins.directory.kind !== "default") storages.push(storageAt(directory, use));
  return storages;
}
