/**
 * Metrics in files: the format of Python's client, written through mapped memory.
 *
 * ```
 * PROMETHEUS_MULTIPROC_DIR/{counter,histogram,summary}_{writer}.db, gauge_{mode}_{writer}.db
 * ```
 *
 * @module
 */
export { type DirectoryStats, directoryStats, prepareDirectory } from "./directory.ts";
export {
  claimDirectory,
  type ClaimDirectoryOptions,
  type DirectoryClaim,
} from "./directory_claim.ts";
export type { OpenFile } from "./claim_file.ts";
export type { FileOperations } from "./file_operations.ts";
export type { FileLayout } from "./file_format.ts";
export type { ReadStats } from "./file_reader.ts";
export type { FileLock, FileLocks, FileMapper, FilePrimitives } from "./primitives.ts";
export { pidIdentity, type ProcessIdentity, procIdentity } from "./process_identity.ts";
export {
  type FilesystemReader,
  type FilesystemReaderOptions,
  openFilesystemReader,
} from "./reader.ts";
export { type Retired, type RetireOptions, retireWriters } from "./retire.ts";
export type { Retention } from "../retention.ts";
export {
  type FilesystemWriter,
  type FilesystemWriterOptions,
  openFilesystemWriter,
} from "./writer.ts";
