/**
 * The two ways in which a writer's memory becomes a file: mapped, where every store is in the file
 * at once, or buffered, where changed ranges are written from time to time.
 *
 * @module
 */
import { closeSync, lstatSync, openSync, writeSync } from "node:fs";
import { HEADER_BYTES } from "./file_format.ts";
import type { FileMapper } from "./primitives.ts";

/** A part of a file in memory. */
export interface Segment {
  /** Offset in the file of the segment's first byte, a multiple of 8. */
  readonly base: number;
  /** The bytes. Never moved, never freed: cells point into it. */
  readonly buffer: ArrayBuffer;
}

/** The memory of one metric file. */
export interface FileMemory {
  /**
   * Makes memory for what comes after the bytes in use; the room is reserved on disk.
   *
   * @param used Offset from which the memory is needed.
   * @param end The file's new size, a multiple of 64 KiB.
   * @throws {Error} When the room cannot be reserved.
   */
  extend(used: number, end: number): Segment;
  /** Writes what has changed, `used` last. @throws {Error} as of `node:fs` */
  flush(used: number): void;
  /** The file got its final name. */
  renamed(path: string): void;
  /** Gives back what is not needed any more; the memory itself stays. */
  close(): void;
}

/** A mapping starts where every page size in use has a page boundary (up to 64 KiB on arm64). */
const MAPPING_ALIGNMENT = 65536;

/** Memory that is the file itself. */
export function mappedMemory(path: string, mapper: FileMapper): FileMemory {
  const inode = lstatSync(path).ino;
  return {
    extend(used, end) {
      if (lstatSync(path).ino !== inode) throw new Error("the file was replaced");
      // Starts before `used`, so that the next entry lies whole in this segment. Both segments are
      // the same memory there.
      const base = used - used % MAPPING_ALIGNMENT;
      return { base, buffer: mapper.map(path, base, end - base) };
    },
    flush() {},
    renamed(to) {
      path = to;
    },
    close() {},
  };
}

interface BufferedSegment extends Segment {
  readonly words: Int32Array;
  /** What the file holds. */
  readonly written: Int32Array;
}

/** Clean bytes that are written again rather than starting another system call. */
const MERGE_WORDS = 128;

const ZEROS = new Uint8Array(65536);

/** Heap memory that is written to the file by `flush`. */
export function bufferedMemory(path: string): FileMemory {
  const file = openSync(path, "r+");
  const segments: BufferedSegment[] = [];
  let size = 0;
  let writtenUsed = 0;

  /** Writes the changed ranges among a segment's first `count` words. */
  function writeChanges({ base, words, written }: BufferedSegment, count: number): void {
    // The header is written for itself, last.
    const first = base === 0 ? HEADER_BYTES / 4 : 0;
    for (let i = first; i < count; i++) {
      if (words[i] === written[i]) continue;
      let end = i + 1;
      for (let j = end; j < count && j < end + MERGE_WORDS; j++) {
        if (words[j] !== written[j]) end = j + 1;
      }
      // Values are 8 bytes and aligned: whole ones are written, so that no reader sees a half.
      const from = i & ~1;
      end = Math.min(words.length, (end + 1) & ~1);
      writeAll(file, new Uint8Array(words.buffer, from * 4, (end - from) * 4), base + from * 4);
      written.set(words.subarray(from, end), from);
      i = end - 1;
    }
  }

  return {
    extend(used, end) {
      // Written rather than truncated to: a hole would let a full disk surprise the next flush.
      while (size < end) {
        writeAll(file, ZEROS.subarray(0, Math.min(ZEROS.length, end - size)), size);
        size = Math.min(end, size + ZEROS.length);
      }
      const buffer = new ArrayBuffer(end - used);
      segments.push({
        base: used,
        buffer,
        words: new Int32Array(buffer),
        written: new Int32Array(buffer.byteLength / 4),
      });
      return { base: used, buffer };
    },
    flush(used) {
      for (const segment of segments) {
        const count = Math.min(segment.words.length, (used - segment.base) / 4);
        writeChanges(segment, count);
      }
      if (used === writtenUsed) return;
      const header = segments[0] as BufferedSegment;
      writeAll(file, new Uint8Array(header.buffer, 0, HEADER_BYTES), 0);
      writtenUsed = used;
    },
    renamed() {},
    close() {
      closeSync(file);
    },
  };
}

/** Writes all bytes: a single write may stop short. */
function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}
