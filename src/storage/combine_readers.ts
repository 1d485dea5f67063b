import type { StorageReader } from "../core/storage.ts";
export function combineReaders(readers: readonly StorageReader[]): StorageReader {
  return readers[0]!;
}
