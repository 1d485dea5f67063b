/**
 * The accumulators: files that hold the folded totals of retired writers, one for each type.
 *
 * ```text
 * counter_retired.db, histogram_retired.db, summary_retired.db,
 * gauge_sum_retired.db, gauge_min_retired.db, gauge_max_retired.db, gauge_mostrecent_retired.db
 * ```
 *
 * Header and entries are those of every metric file, so that Python's client reads the totals,
 * rounded to the nearest double. From `used` to the end of the file stands a trailer, which Python
 * does not look at: a line of JSON ({@linkcode Trailer}), and the CRC-32 of everything before it as
 * eight hexadecimal digits and a line feed. An accumulator is always written whole, under another
 * name, and never changed.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import type { EntryComponents, Fold, SampleType } from "../fold.ts";
import {
  checkEntry,
  type FileLayout,
  type FileViews,
  fileViews,
  FORMAT_VERSION,
  HEADER_BYTES,
  metricFileName,
  paddedKeyBytes,
  valueBytes,
} from "./file_format.ts";
import { RETIRED_WRITER } from "./writer_file.ts";

/** The name of the accumulator of a type. */
export function accumulatorName({ kind, mode }: SampleType): string {
  return metricFileName(kind, mode, RETIRED_WRITER);
}

/** What an accumulator says beside its entries. */
export interface Trailer {
  /** How values are stored. */
  readonly layout: FileLayout;
  /** Grows by one each time the accumulator is written. */
  readonly generation: number;
  /** When the first of the writers in it started, seconds since the epoch. */
  readonly startTime: number;
  /** The incarnations of the files that are in the totals and may still be there. */
  readonly absorbed: readonly number[];
  /** The same of foreign files, which have no incarnation, by name. */
  readonly absorbedNames: readonly string[];
  /**
   * Of sums that no double holds: the position of the entry, and what is to be added to its value.
   */
  readonly components: readonly EntryComponents[];
}

/** What a file holds. */
export interface Accumulator extends Trailer {
  /** The sample keys. */
  readonly keys: readonly string[];
  /** The slot of each entry's value in `values`. */
  readonly slots: Uint32Array;
  /** The file's bytes, seen as doubles. */
  readonly values: Float64Array;
}

/** Bytes of the checksum line. */
const CHECKSUM_BYTES = 9;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The bytes of an accumulator. @param incarnation For the header: random, never 0. */
export function encodeAccumulator(
  { keys, values, times }: Pick<Fold, "keys" | "values" | "times">,
  trailer: Trailer,
  incarnation: number,
): Uint8Array {
  const { layout } = trailer;
  const texts = keys.map((key) => encoder.encode(key));
  const used = texts.reduce(
    (sum, text) => sum + paddedKeyBytes(text.length) + valueBytes(layout),
    HEADER_BYTES,
  );
  const end = encoder.encode(JSON.stringify({ formatVersion: FORMAT_VERSION, ...trailer }) + "\n");
  const size = used + end.length + CHECKSUM_BYTES;
  const views = fileViews(new ArrayBuffer(Math.ceil(size / 8) * 8));
  views.ints[0] = used;
  views.ints[1] = incarnation;
  let offset = HEADER_BYTES;
  texts.forEach((text, i) => {
    const value = offset + paddedKeyBytes(text.length);
    views.ints[offset / 4] = text.length;
    views.bytes.set(text, offset + 4);
    views.bytes.fill(0x20, offset + 4 + text.length, value);
    views.values[value / 8] = values[i] as number;
    if (layout === "timestamp") views.values[value / 8 + 1] = times[i] as number;
    offset = value + valueBytes(layout);
  });
  views.bytes.set(end, used);
  const checksum = checksumLine(views.bytes.subarray(0, size - CHECKSUM_BYTES));
  views.bytes.set(encoder.encode(checksum), size - CHECKSUM_BYTES);
  return views.bytes.subarray(0, size);
}

/**
 * Reads an accumulator.
 *
 * @param buffer The file's bytes, at the start of a buffer whose size is a multiple of 8.
 * @param size How many bytes the file has.
 * @throws {Error} When it is damaged, or of a version that this program does not know.
 */
export function decodeAccumulator(buffer: ArrayBuffer, size: number): Accumulator {
  const views = fileViews(buffer);
  const used = views.ints[0] as number;
  const end = size - CHECKSUM_BYTES;
  const isWhole = used >= HEADER_BYTES && used % 8 === 0 && used < end &&
    checksumLine(views.bytes.subarray(0, end)) ===
      new TextDecoder().decode(views.bytes.subarray(end, size));
  if (!isWhole) throw new Error("its checksum is wrong");
  const { formatVersion, ...trailer } = JSON.parse(
    decoder.decode(views.bytes.subarray(used, end)),
  ) as Trailer & { formatVersion: number };
  if (formatVersion !== FORMAT_VERSION) {
    throw new Error(`it has format version ${formatVersion}, expected ${FORMAT_VERSION}`);
  }
  return { ...trailer, values: views.values, ...readEntries(views, used, trailer.layout) };
}

function readEntries(
  views: FileViews,
  used: number,
  layout: FileLayout,
): Pick<Accumulator, "keys" | "slots"> {
  const keys: string[] = [];
  const slots: number[] = [];
  for (let offset = HEADER_BYTES; offset < used;) {
    const value = checkEntry(views, offset, used, layout);
    if (typeof value === "string") throw new Error(value);
    const length = views.ints[offset / 4] as number;
    keys.push(decoder.decode(views.bytes.subarray(offset + 4, offset + 4 + length)));
    slots.push(value / 8);
    offset = value + valueBytes(layout);
  }
  return { keys, slots: Uint32Array.from(slots) };
}

function checksumLine(bytes: Uint8Array): string {
  return `${crc32(bytes).toString(16).padStart(8, "0")}\n`;
}
