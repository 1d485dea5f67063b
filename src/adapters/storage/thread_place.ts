/**
 * The storage of a worker of a cluster, for the threads that it starts: their environment says nothing
 * of its layout, nor of a Redis that an option of the primary names.
 *
 * @module
 */
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import type { StoragePlace } from "./storage.ts";

/** Threads may have another copy of this module. */
const KEY = "@gpe/cli/storage";

/** Tells the threads that this process starts from now on, and theirs. Programs do not hear of it. */
export function tellThreads(place: StoragePlace): void {
  setEnvironmentData(KEY, place);
}

/** What was told in this process, if anything. */
export function placeOfThread(): StoragePlace | undefined {
  return getEnvironmentData(KEY) as StoragePlace | undefined;
}
