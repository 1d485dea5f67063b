/**
 * Which storage a configuration asks for.
 *
 * @module
 */
import type { Config } from "../../config/config.ts";
import type { StoragePlace } from "./storage.ts";

/** Where `gpe serve` stores. */
export function storagePlace({ directory, layout }: Config): StoragePlace {
  return { kind: "directory", directory, layout };
}
