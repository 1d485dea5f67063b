import { storageAt } from "../adapters/deno/storage.ts";
import { storagePlace } from "../adapters/storage/place.ts";
import type { Storage } from "../adapters/storage/storage.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Log } from "../core/log.ts";

/** The storage that commands look at which others write. Nothing is opened yet. */
export function writtenStorage({ config }: LoadedConfig, log: Log): Storage {
  return storageAt(storagePlace(config), { log, foreign: config.retire, mustExist: true });
}
