/**
 * The header of a metric file.
 *
 * @module
 */
import { closeSync, constants, lstatSync, openSync, readSync } from "node:fs";
import { HEADER_BYTES } from "./file_format.ts";

/**
 * The incarnation in a file's header; 0 for files of Python's client and for whatever is not a metric
 * file.
 *
 * @throws {Error} As of `node:fs`, when it cannot be read.
 */
export function readIncarnation(path: string): number {
  if (!lstatSync(path).isFile()) return 0;
  const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const header = new Int32Array(HEADER_BYTES / 4);
    readSync(file, new Uint8Array(header.buffer), 0, HEADER_BYTES, 0);
    return header[1] as number;
  } finally {
    closeSync(file);
  }
}
