/**
 * Reads one metric file again and again: its keys are parsed once; after that only the values are
 * taken from files of ours, and foreign ones are read whole.
 *
 * Files are never mapped for reading: one that is truncated meanwhile would end the process by
 * SIGBUS.
 *
 * @module
 */
import { closeSync, constants, openSync, readSync, type Stats } from "node:fs";
import type { Liveness, ReadProblem, SampleSource } from "../../core/storage.ts";
import {
  checkEntry,
  detectLayout,
  type FileLayout,
  type FileName,
  type FileViews,
  fileViews,
  HEADER_BYTES,
  MAX_FILE_BYTES,
  paddedKeyBytes,
  valueBytes,
} from "./file_format.ts";

/** What reading has cost so far. */
export interface ReadStats {
  /** Metric files opened. */
  filesOpened: number;
  /** Bytes read from metric files. */
  bytesRead: number;
  /** Entries whose key was parsed. */
  keysParsed: number;
}

/** What tells a file from its successor of the same name. */
export type FileStatus = Pick<Stats, "ino" | "birthtimeMs">;

/** A fifo or device never gets here, but if it did, opening it must not block. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Read beyond what was in use last time, so that a few new entries take no second read. */
const SLACK_BYTES = 1024;

const PAGE_BYTES = 4096;

/**
 * Where pieces of files are read to: small enough to stay in the processor's cache. Into large buffers
 * the same bytes take several times as long (AMD EPYC: 3.3 ms for 6.7 MB, and 0.5 ms so).
 */
const PIECE = new Uint8Array(65536);
const PIECE_INTS = new Int32Array(PIECE.buffer);

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A metric file being read. One object stands for the same file as long as it only grows. */
export class FileReader implements SampleSource {
  readonly name: string;
  readonly writer: string;
  readonly kind: SampleSource["kind"];
  readonly mode: SampleSource["mode"];
  readonly accumulator = false;
  readonly components = undefined;
  readonly revision: number;
  /** Judged by the directory reader. */
  liveness: Liveness = "unknown";
  /** Told by the writer file. */
  startTime = Infinity;
  /** From the header; 0 in files of Python's. */
  incarnation = 0;
  readonly keys: string[] = [];
  slots: Uint32Array = new Uint32Array(16);
  values: Float64Array = new Float64Array(0);
  /** Entries that were left out, and why. They stay, as the entries do. */
  readonly problems: ReadProblem[] = [];
  readonly #inode: number;
  readonly #born: number;
  #views: FileViews = fileViews(new ArrayBuffer(PAGE_BYTES));
  #layout: FileLayout | undefined;
  /** Where in the file the value of each entry is, in doubles. */
  #places: Uint32Array = new Uint32Array(16);
  /** How far keys have been parsed, in bytes. */
  #parsed = HEADER_BYTES;
  #fingerprint: number | undefined = 0;

  constructor(
    name: string,
    { writer, kind, mode }: FileName,
    status: FileStatus,
    revision: number,
  ) {
    this.name = name;
    this.writer = writer;
    this.kind = kind;
    this.mode = mode;
    this.revision = revision;
    this.#inode = status.ino;
    this.#born = status.birthtimeMs;
  }

  get hasTimestamps(): boolean {
    return this.#layout === "timestamp";
  }

  /** Whether a status is of the file that this object reads. An inode number alone is reused. */
  isSameFile(status: FileStatus): boolean {
    return status.ino === this.#inode && status.birthtimeMs === this.#born;
  }

  /**
   * Reads the file anew.
   *
   * @returns Whether it is still the file it was; otherwise a new object has to read it.
   * @throws {Error} When it cannot be read or is damaged.
   */
  refresh(path: string, stats: ReadStats): boolean {
    const file = openSync(path, OPEN_FLAGS);
    stats.filesOpened++;
    let used: number;
    try {
      if (this.#readValues(file, stats)) return true;
      used = this.#read(file, stats);
    } finally {
      closeSync(file);
    }
    const incarnation = this.#views.ints[1] as number;
    if (this.#parsed === HEADER_BYTES) this.incarnation = incarnation;
    else if (incarnation !== this.incarnation || !this.#isUnchanged(used)) return false;
    this.#parse(used, stats);
    this.#takeValues();
    return true;
  }

  /**
   * Reads the values alone, piece by piece, out of a file of ours without new entries: by its
   * incarnation it is known that the keys are the same.
   *
   * @returns Whether it is such a file, and was read.
   */
  #readValues(file: number, stats: ReadStats): boolean {
    if (this.incarnation === 0 || this.#parsed === HEADER_BYTES) return false;
    const header = readSync(file, PIECE, 0, HEADER_BYTES, 0);
    stats.bytesRead += header;
    if (header < HEADER_BYTES) return false;
    const [used, incarnation] = PIECE_INTS;
    if (used !== this.#parsed || incarnation !== this.incarnation) return false;
    const count = this.keys.length;
    const width = this.#width;
    for (let entry = 0; entry < count;) {
      const first = this.#places[entry] as number;
      const end = Math.min(used, first * 8 + PIECE.length);
      const read = readSync(file, PIECE, 0, end - first * 8, first * 8);
      stats.bytesRead += read;
      const next = this.#copy(PIECE_INTS, first, entry, first + (read >> 3) - width);
      // It was cut off meanwhile: reading it whole says so.
      if (next === entry) return false;
      entry = next;
    }
    return true;
  }

  /** Takes all values from what was read whole, of which more is kept only where it is needed. */
  #takeValues(): void {
    const { ints } = this.#views;
    this.#copy(ints, 0, 0, ints.length / 2);
    if (this.incarnation !== 0) this.#views = fileViews(new ArrayBuffer(PAGE_BYTES));
  }

  /** How many doubles an entry has: its value, and its time where there is one. */
  get #width(): number {
    return this.hasTimestamps ? 2 : 1;
  }

  /**
   * Copies values as integers: as doubles they could lose what marks an absent one (`markAbsent`).
   *
   * @param from The file from the place `base` on.
   * @param entry The first entry to copy.
   * @param last The last place of a value that may be copied.
   * @returns The entry after the last one that was.
   */
  #copy(from: Int32Array, base: number, entry: number, last: number): number {
    const places = this.#places;
    const count = this.keys.length;
    const words = this.#width * 2;
    const to = new Int32Array(this.values.buffer);
    for (; entry < count; entry++) {
      const place = places[entry] as number;
      if (place > last) break;
      const source = (place - base) * 2;
      const target = entry * words;
      for (let word = 0; word < words; word++) to[target + word] = from[source + word] as number;
    }
    return entry;
  }

  /** Reads the bytes in use. @returns how many there are */
  #read(file: number, stats: ReadStats): number {
    let { bytes } = this.#views;
    let length = readAll(file, bytes, 0);
    stats.bytesRead += length;
    // Python makes a file empty, sets its size, and then writes the header.
    if (length === 0) this.#views.ints.fill(0, 0, 2);
    else if (length < HEADER_BYTES) throw new Error(`it has ${length} bytes, expected a header`);
    const used = (this.#views.ints[0] as number) || HEADER_BYTES;
    if (used < HEADER_BYTES || used % 8 !== 0 || used > MAX_FILE_BYTES) {
      throw new Error(`${used} bytes are said to be in use, expected 8 to ${MAX_FILE_BYTES}`);
    }
    if (used > bytes.length && length === bytes.length) {
      const grown = growTo(file, this.#views, used);
      stats.bytesRead += grown.length - length;
      ({ length } = grown);
      this.#views = grown.views;
      ({ bytes } = grown.views);
    }
    if (used > length && length > 0) {
      throw new Error(`it ends after ${length} of the ${used} bytes in use`);
    }
    return used;
  }

  /**
   * Whether the keys that were parsed are those in the file: judged by the incarnation where it has
   * one, which no other file of ours ever has, else by a fingerprint.
   */
  #isUnchanged(used: number): boolean {
    if (used < this.#parsed) return false;
    return this.incarnation !== 0 || this.#walk(this.#parsed) === this.#fingerprint;
  }

  /**
   * A number that depends on the keys up to `end`: on their lengths and on four bytes of each, or,
   * where the file system keeps no time of birth and an inode number may have gone to a new file, on
   * all of their bytes, which takes four times as long.
   *
   * @returns `undefined` when the entries do not end at `end`.
   */
  #walk(end: number): number | undefined {
    const { ints } = this.#views;
    const everyByte = this.#born === 0;
    const skip = valueBytes(this.#layout ?? "value");
    let hash = 0;
    let offset = HEADER_BYTES;
    while (offset < end) {
      const length = ints[offset >> 2] as number;
      if (length < 0 || length > end) return undefined;
      const value = offset + paddedKeyBytes(length);
      hash = (Math.imul(hash, 31) + length + (ints[(offset + (length >> 1)) >> 2] as number)) | 0;
      if (everyByte) {
        for (let i = offset >> 2; i < value >> 2; i++) {
          hash = (Math.imul(hash, 31) + (ints[i] as number)) | 0;
        }
      }
      offset = value + skip;
    }
    return offset === end ? hash : undefined;
  }

  #parse(used: number, stats: ReadStats): void {
    if (used === this.#parsed) return;
    if (this.#layout === undefined) {
      const detected = detectLayout(this.#views, used);
      if (typeof detected === "string") throw new Error(detected);
      this.#layout = detected.layout;
    }
    const layout = this.#layout;
    for (let offset = this.#parsed; offset < used;) {
      const value = checkEntry(this.#views, offset, used, layout);
      if (typeof value === "string") throw new Error(value);
      stats.keysParsed++;
      this.#addEntry(offset, value / 8);
      offset = value + valueBytes(layout);
    }
    this.#parsed = used;
    if (this.incarnation === 0) this.#fingerprint = this.#walk(used);
  }

  #addEntry(offset: number, place: number): void {
    const length = this.#views.ints[offset >> 2] as number;
    const key = decodeKey(this.#views.bytes.subarray(offset + 4, offset + 4 + length));
    if (key === undefined) {
      const message = `Cannot read entry at byte ${offset}: its key is not text, expected UTF-8`;
      this.problems.push({ source: this.name, message });
      return;
    }
    const entry = this.keys.length;
    const width = this.#width;
    if (entry === this.#places.length) {
      this.#places = enlarged(this.#places);
      this.slots = enlarged(this.slots);
    }
    if ((entry + 1) * width > this.values.length) {
      this.values = new Float64Array(this.slots.length * width);
    }
    this.#places[entry] = place;
    this.slots[entry] = entry * width;
    this.keys.push(key);
  }
}

/** A larger buffer with the rest of a file, whose beginning is known. */
function growTo(file: number, { bytes }: FileViews, used: number): {
  views: FileViews;
  length: number;
} {
  const size = Math.ceil((used + SLACK_BYTES) / PAGE_BYTES) * PAGE_BYTES;
  const views = fileViews(new ArrayBuffer(size));
  views.bytes.set(bytes);
  return { views, length: readAll(file, views.bytes, bytes.length) };
}

/** Fills `bytes` from `start` on. @returns how many are filled, fewer at the end of the file */
function readAll(file: number, bytes: Uint8Array, start: number): number {
  let length = start;
  while (length < bytes.length) {
    const read = readSync(file, bytes, length, bytes.length - length, length);
    if (read === 0) break;
    length += read;
  }
  return length;
}

function enlarged(array: Uint32Array): Uint32Array {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** The key, or `undefined` when it is not UTF-8. What it says is for the aggregation to judge. */
function decodeKey(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // the caller reports it
  }
}
