/**
 * The access log of a worker: lines are gathered and written together, so that a request does not
 * wait for the file.
 *
 * @module
 */
import type { Log } from "../core/log.ts";
import type { AccessEntry, FormatAccess } from "./access_log_format.ts";

/** A line waits no longer than this before it is written, in milliseconds. */
const FLUSH_MS = 100;
/** So many bytes are written without waiting. */
const FLUSH_BYTES = 64 * 1024;

/** An opened log file. Several workers append to one. */
export interface AccessSink {
  /**
   * Appends in one write, so that lines of several workers never mix.
   *
   * @returns how many bytes were written
   * @throws {Error} when nothing could be written
   */
  append(bytes: Uint8Array): number;
  /** Closes the file. */
  close(): void;
}

/** What an access log is made of. */
export interface AccessLogOptions {
  /** The form of its lines. */
  readonly format: FormatAccess;
  /** Opens the file, anew each time. */
  readonly open: () => AccessSink;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Calls back once after so many milliseconds, without keeping the process alive. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
  /** Where failures are told: the first one, and how many lines were lost when it is over. */
  readonly log: Log;
}

/** Takes what was answered. Nothing here throws: an application works without a log. */
export interface AccessLog {
  /** Adds a line. */
  add(entry: AccessEntry): void;
  /** Writes what was gathered. */
  flush(): void;
  /** Writes what was gathered to the old file, and goes on in the one that has the name now. */
  reopen(): void;
}

/** Makes an access log; the file is opened at once. */
export function createAccessLog(options: AccessLogOptions): AccessLog {
  const { format, open, now, schedule, log } = options;
  const encoder = new TextEncoder();
  let lines: string[] = [];
  let size = 0;
  let lost = 0;
  /** Whether the file ends within a line, of which the rest could not be written. */
  let torn = false;
  let sink = opened();

  function opened(): AccessSink | undefined {
    try {
      return open();
    } catch (error) {
      log.error("Cannot open the access log", { error });
      return undefined;
    }
  }

  function flush(): void {
    if (lines.length === 0) return;
    const count = lines.length;
    const bytes = encoder.encode((torn ? "\n" : "") + lines.join(""));
    lines = [];
    size = 0;
    let written = 0;
    try {
      // In one write but on a pipe that is full, or a disk.
      while (sink !== undefined && written < bytes.length) {
        written += sink.append(bytes.subarray(written));
      }
    } catch (error) {
      if (lost === 0) log.error("Cannot write the access log, lines are lost", { error });
    }
    if (written > 0) torn = written < bytes.length && bytes[written - 1] !== 0x0a;
    if (written < bytes.length) {
      lost += count - linesOf(bytes.subarray(0, written));
    } else if (lost > 0) {
      log.warn("The access log is written again", { lostLines: lost });
      lost = 0;
    }
  }

  return {
    add(entry) {
      if (lines.length === 0) schedule(flush, FLUSH_MS);
      const line = format(entry, now());
      lines.push(line);
      size += line.length;
      if (size >= FLUSH_BYTES) flush();
    },
    flush,
    reopen() {
      flush();
      const next = opened();
      if (next === undefined) return;
      sink?.close();
      sink = next;
      torn = false;
    },
  };
}

function linesOf(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === 0x0a) count++;
  return count;
}
