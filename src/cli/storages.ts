import { RUNTIME } from "../adapters/this_runtime.ts";
import { storageAt, type StorageUse } from "../adapters/library/storage.ts";
import { directoryPlace, redisPlace } from "../adapters/storage/place.ts";
import type { Storage } from "../adapters/storage/storage.ts";
import { combineReaders } from "../storage/combined_reader.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Log } from "../core/log.ts";
import type { StorageReader } from "../core/storage.ts";

/**
 * The storages that commands look at which others write: Redis, a directory, or both when Redis is on
 * and a directory was given. Nothing is opened yet.
 *
 * @throws {ConfigError} when the file with the certificates of Redis cannot be read
 */
export async function writtenStorages(
  { config, origins }: LoadedConfig,
  log: Log,
): Promise<Storage[]> {
  const use: StorageUse = { log, foreign: config.retire };
  const redis = redisPlace(config, RUNTIME.hostname());
  const directory = directoryPlace(config);
  if (redis === undefined) return [await storageAt(directory, { ...use, mustExist: true })];
  const storages = [await storageAt(redis, use)];
  // The configuration of Python's exporter names a directory with Redis as well: it may be missing.
  if (origins.directory.kind !== "default") storages.push(await storageAt(directory, use));
  return storages;
}

/** What an endpoint over several storages is made of. */
export interface TogetherRead extends Pick<Storage, "about" | "fields"> {
  /** Reads all of them. */
  readonly reader: StorageReader;
}

/** Reads storages as if they were one. */
export function readTogether(storages: readonly Storage[]): TogetherRead {
  const sources = storages.map(({ about }) => about.sources?.[0] ?? "storage");
  const readers = storages.map((storage, i) => ({
    name: sources[i] as string,
    reader: storage.openReader(),
  }));
  return {
    reader: combineReaders(readers),
    about: { ...Object.assign({}, ...storages.map(({ about }) => about)), sources },
    fields: Object.assign({}, ...storages.map(({ fields }) => fields)),
  };
}
