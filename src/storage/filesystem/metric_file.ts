/**
 * One metric file as its writer sees it: entries are appended, values are handed out as cells.
 *
 * @module
 */
import { closeSync, linkSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Cell } from "../../core/storage.ts";
import {
  BLOCK_BYTES,
  type FileLayout,
  type FileViews,
  fileViews,
  HEADER_BYTES,
  MAX_FILE_BYTES,
  paddedKeyBytes,
  temporaryName,
  valueBytes,
} from "./file_format.ts";
import { removeQuietly } from "./file_errors.ts";
import type { FileMemory, Segment } from "./file_memory.ts";

/** A metric file that is being written. */
export interface MetricFile {
  /**
   * Appends an entry with the value 0.
   *
   * @throws {Error} When there is no room and none can be reserved; the file is as before.
   */
  append(key: string): Cell;
  /** Writes what is only in memory. @throws {Error} as of `node:fs` */
  flush(): void;
  /** Ends the writing: `append` must not be called any more, cells stay valid. */
  close(): void;
}

/**
 * Makes a new file. It gets its name when it is complete, by link(2): no reader ever sees one that
 * is empty, and no other file is ever overwritten.
 *
 * @param openMemory Makes the memory of an existing, empty file.
 * @throws {Error} When the name exists or the room cannot be reserved; nothing is left behind then.
 */
export function createMetricFile(
  directory: string,
  name: string,
  layout: FileLayout,
  incarnation: number,
  openMemory: (path: string) => FileMemory,
): MetricFile {
  const path = join(directory, name);
  const temporary = join(directory, temporaryName(name));
  let memory: FileMemory | undefined;
  closeSync(openSync(temporary, "wx", 0o644));
  try {
    memory = openMemory(temporary);
    const first = memory.extend(0, BLOCK_BYTES);
    const header = new Int32Array(first.buffer, 0, HEADER_BYTES / 4);
    header[0] = HEADER_BYTES;
    header[1] = incarnation;
    memory.flush(HEADER_BYTES);
    linkSync(temporary, path);
    memory.renamed(path);
    return appendingFile(memory, first, header, layout);
  } catch (error) {
    memory?.close();
    throw error;
  } finally {
    removeQuietly(temporary);
  }
}

function appendingFile(
  memory: FileMemory,
  first: Segment,
  header: Int32Array,
  layout: FileLayout,
): MetricFile {
  const encoder = new TextEncoder();
  let used = HEADER_BYTES;
  let size = BLOCK_BYTES;
  let base = first.base;
  let views: FileViews = fileViews(first.buffer);

  return {
    append(key) {
      const keyBytes = encoder.encode(key);
      const padded = paddedKeyBytes(keyBytes.length);
      const end = used + padded + valueBytes(layout);
      if (end > size) {
        if (end > MAX_FILE_BYTES) {
          throw new Error(`the file has ${used} bytes, the most it may have`);
        }
        const newSize = Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES;
        const segment = memory.extend(used, newSize);
        ({ base } = segment);
        views = fileViews(segment.buffer);
        size = newSize;
      }
      const start = used - base;
      const index = (start + padded) / 8;
      views.ints[start / 4] = keyBytes.length;
      views.bytes.set(keyBytes, start + 4);
      views.bytes.fill(0x20, start + 4 + keyBytes.length, start + padded);
      // Value and time are 0 already: nothing was ever written here.
      used = end;
      // Only now do readers see the entry, whole.
      Atomics.store(header, 0, used);
      return {
        values: views.values,
        index,
        timestampIndex: layout === "timestamp" ? index + 1 : -1,
      };
    },
    flush: () => memory.flush(used),
    close: () => memory.close(),
  };
}
