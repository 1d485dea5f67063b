/**
 * Storages on Deno.
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
import { redisStorage } from "../storage/redis.ts";
import type { Storage, StoragePlace } from "../storage/storage.ts";
import { denoFilePrimitives } from "./file_primitives.ts";

/** How {@linkcode storageAt} uses a storage. */
export interface StorageUse {
  /** Where events go. */
  readonly log: Log;
  /** Whether files of Python's client are retired too. @default {false} */
  readonly foreign?: boolean;
  /** Whether a directory that is missing is an error to readers. @default {false} */
  readonly mustExist?: boolean;
}

/** The storage at a place. Nothing is opened yet. */
export function storageAt(place: StoragePlace, use: StorageUse): Storage {
  return place.kind === "redis"
    ? redisStorage({ ...use, ...place })
    : directoryStorage({ ...use, ...place, primitives: denoFilePrimitives });
}

/** Opens a writer, and connects all metrics of this process, isolate or thread with it. */
export function openProcessStorage(options: Omit<ProcessStorageOptions, "atExit">): ProcessStorage {
  return open({
    ...options,
    atExit(callback) {
      addEventListener("unload", callback);
      return () => removeEventListener("unload", callback);
    },
  });
}
