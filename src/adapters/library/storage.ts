/**
 * Storages, and the one of this process.
 *
 * @module
 */
import type { Log } from "../../core/log.ts";
import { directoryStorage } from "../storage/directory.ts";
import {
  openProcessStorage as open,
  type ProcessStorage,
  type ProcessStorageOptions,
} from "../storage/process_storage.ts";
import type { Storage, StoragePlace } from "../storage/storage.ts";
import { RUNTIME } from "../this_runtime.ts";

/** How {@linkcode storageAt} uses a storage. */
export interface StorageUse {
  /** Where events go. */
  readonly log: Log;
  /** Whether files of Python's client are retired too. @default {false} */
  readonly foreign?: boolean;
  /** Whether a directory that is missing is an error to readers. @default {false} */
  readonly mustExist?: boolean;
}

/** The storage at a place. Nothing is opened yet; what a place does not need is not loaded. */
export async function storageAt(place: StoragePlace, use: StorageUse): Promise<Storage> {
  if (place.kind === "directory") {
    return directoryStorage({ ...use, ...place, primitives: RUNTIME.files });
  }
  const { redisStorage } = await import("../storage/redis.ts");
  return redisStorage({ ...use, ...place });
}

/** Opens a writer, and connects all metrics of this process, isolate or thread with it. */
export function openProcessStorage(options: Omit<ProcessStorageOptions, "atExit">): ProcessStorage {
  return open({ ...options, atExit: RUNTIME.atExit });
}
