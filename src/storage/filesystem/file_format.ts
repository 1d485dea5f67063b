/**
 * The metric files: their names, and the binary format of Python's client (`mmap_dict.py`), in both
 * layouts that its versions write.
 *
 * ```text
 * 0   int32  bytes used, header included      4  int32  incarnation (0 = a file of Python's)
 * 8…  entry: int32 key length | key, UTF-8 | 1 to 8 spaces up to a multiple of 8
 *            float64 value | float64 time it was set (only in the layout "timestamp")
 * ```
 *
 * All numbers are little-endian.
 *
 * @module
 */
import { type GaugeMode, isGaugeMode } from "../../core/modes.ts";
import type { MetricKind } from "../../core/storage.ts";

/** What follows a key: value and time, or the value alone (Python's client before 0.18). */
export type FileLayout = "timestamp" | "value";

/** Bytes before the first entry. */
export const HEADER_BYTES = 8;

/** Metric files are made and grown in steps of this many bytes, as Python's client makes them. */
export const BLOCK_BYTES = 65536;

/**
 * No file is written or read beyond this size. It keeps every key length below 0x20202020, which is
 * what lets {@linkcode detectLayout} be right for every file.
 */
export const MAX_FILE_BYTES = 0x20000000;

/** Version of the writer file and of what its presence promises. */
export const FORMAT_VERSION = 1;

/** The shortest key there is: `["", "", {}, ""]` without its spaces. */
const MIN_KEY_BYTES = 13;

/** What the name of a metric file says. */
export interface FileName {
  /** The type of the metrics in the file. */
  readonly kind: MetricKind;
  /** The mode of the gauges in it; `undefined` for other kinds. */
  readonly mode: GaugeMode | undefined;
  /** The id of the writer. */
  readonly writer: string;
}

/** The name of a writer's file for a kind and mode. */
export function metricFileName(
  kind: MetricKind,
  mode: GaugeMode | undefined,
  writer: string,
): string {
  return mode === undefined ? `${kind}_${writer}.db` : `${kind}_${mode}_${writer}.db`;
}

/** What a metric file's name says; `undefined` when it is not the name of one. */
export function parseMetricFileName(name: string): FileName | undefined {
  const match = /^(?:(counter|histogram|summary)|gauge_([a-z]+))_(.+)\.db$/s.exec(name);
  if (match === null) return undefined;
  const [, kind, mode, writer] = match as unknown as [string, string?, string?, string?];
  if (writer === undefined) return undefined;
  if (kind !== undefined) return { kind: kind as MetricKind, mode: undefined, writer };
  return mode !== undefined && isGaugeMode(mode) ? { kind: "gauge", mode, writer } : undefined;
}

/** The name of the file that claims a writer id and says whether its owner lives. */
export function writerFileName(writer: string): string {
  return `writer_${writer}.lock`;
}

/** The writer id in the name of a writer file; `undefined` for other names. */
export function parseWriterFileName(name: string): string | undefined {
  return /^writer_(.+)\.lock$/s.exec(name)?.[1];
}

/**
 * What one at a time has or does in a directory: be its master, retire its writers, have a number
 * among them.
 */
export type Office = "master" | "retire" | `worker_${number}`;

/** A name for the file of somebody who holds an office, or would like to; used once. */
export function holderFileName(office: Office): string {
  return `${office}_${crypto.randomUUID().slice(0, 8)}.lock`;
}

/** The office in the name of such a file; `undefined` for other names. */
export function parseHolderFileName(name: string): Office | undefined {
  return /^(master|retire|worker_\d+)_[0-9a-f]{8}\.lock$/.exec(name)?.[1] as Office | undefined;
}

/** A name for a file that is not complete yet: no reader looks at it. */
export function temporaryName(name: string): string {
  return `${name}.${crypto.randomUUID().slice(0, 8)}.tmp`;
}

/** The name a temporary file was made for; `undefined` when it is not one of ours. */
export function parseTemporaryName(name: string): string | undefined {
  const target = /^(.+)\.[0-9a-f]{8}\.tmp$/s.exec(name)?.[1];
  if (target === undefined) return undefined;
  const known = parseMetricFileName(target) ?? parseWriterFileName(target) ??
    parseHolderFileName(target);
  return known === undefined ? undefined : target;
}

/** Bytes of the length field, the key and its padding: a multiple of 8, with at least one space. */
export function paddedKeyBytes(keyBytes: number): number {
  return (keyBytes + 12) & ~7;
}

/** Bytes after the padded key. */
export function valueBytes(layout: FileLayout): number {
  return layout === "timestamp" ? 16 : 8;
}

/** The bytes of a file, seen as what they hold; the views share one buffer. */
export interface FileViews {
  /** The file's bytes from its start. */
  readonly bytes: Uint8Array;
  /** The same bytes as integers. */
  readonly ints: Int32Array;
  /** The same bytes as values. */
  readonly values: Float64Array;
}

/** Views of a buffer whose size is a multiple of 8. */
export function fileViews(buffer: ArrayBuffer): FileViews {
  return {
    bytes: new Uint8Array(buffer),
    ints: new Int32Array(buffer),
    values: new Float64Array(buffer),
  };
}

/**
 * Where the value of the entry at `offset` stands.
 *
 * @param used Bytes of the file in use; `bytes` holds at least as many.
 * @returns The offset of the value, or a line that says what is wrong with the entry.
 */
export function checkEntry(
  { bytes, ints }: FileViews,
  offset: number,
  used: number,
  layout: FileLayout,
): number | string {
  const length = ints[offset >> 2] ?? -1;
  const value = offset + paddedKeyBytes(length);
  if (length < MIN_KEY_BYTES || length > used || value + valueBytes(layout) > used) {
    return `key length ${length} at byte ${offset} does not fit into ${used} used bytes`;
  }
  const end = offset + 4 + length;
  // `[` and `]`: whether the key is really one of ours is seen when it is parsed.
  if (bytes[offset + 4] !== 0x5b || bytes[end - 1] !== 0x5d) {
    return `key at byte ${offset} is not a JSON list`;
  }
  for (let i = offset + 4; i < end; i++) {
    if ((bytes[i] as number) < 0x20) return `key at byte ${offset} has a control character`;
  }
  for (let i = end; i < value; i++) {
    if (bytes[i] !== 0x20) return `key at byte ${offset} is not padded with spaces`;
  }
  return value;
}

/**
 * Which layout a file has. There is no marker, yet no file can be read in both, so the first entries
 * decide:
 *
 * - One entry: `used` is hit exactly in one layout only.
 * - Values only, read with times: the second entry's length would be the 5th to 8th byte of a key.
 *   Those are at least 0x20 each (JSON has no control characters in a string, and Python writes none
 *   elsewhere), which makes 0x20202020 or more: larger than any file.
 * - With times, read without: the second entry's key would start in the middle of the first time
 *   and have at least 13 bytes, so it would span the next length field, whose highest byte is below
 *   0x20 for the same reason; a key has no such byte.
 *
 * @param used Bytes of the file in use, more than the header.
 * @returns The layout, or a line that says why it is neither.
 */
export function detectLayout(views: FileViews, used: number): { layout: FileLayout } | string {
  const first = checkEntry(views, HEADER_BYTES, used, "value");
  if (typeof first === "string") return first;
  let problem = "";
  for (const layout of ["timestamp", "value"] as const) {
    const next = first + valueBytes(layout);
    if (next === used) return { layout };
    const second = next > used
      ? `value at byte ${first} does not fit into ${used} used bytes`
      : checkEntry(views, next, used, layout);
    if (typeof second !== "string") return { layout };
    problem ||= second;
  }
  return problem;
}
