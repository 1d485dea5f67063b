/**
 * Passes a worker's output on in whole lines, so that lines of several workers never mix.
 *
 * @module
 */
import { Buffer } from "node:buffer";

const NEWLINE = 0x0a;
/** A line longer than this is passed on in parts: memory stays bounded. */
const LONGEST_LINE_BYTES = 1 << 20;

/** Where lines go, such as `Deno.stderr`. */
export interface ByteSink {
  /** Writes some of the bytes and says how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** What is written in the place of a line; lines are given and made with their line breaks. */
export type DressLine = (line: Uint8Array) => readonly Uint8Array[];

/** Takes the parts of any number of streams. */
export interface LineRelay {
  /**
   * Passes on the lines of a stream; resolves when it has ended and everything is written.
   *
   * @param dress Changes each line; a line that is passed on in parts is then several lines.
   */
  follow(stream: AsyncIterable<Uint8Array>, dress?: DressLine): Promise<void>;
}

/** Makes a relay to a sink. What cannot be written is dropped: nobody listens any more. */
export function createLineRelay(sink: ByteSink): LineRelay {
  let last: Promise<void> = Promise.resolve();
  const write = (bytes: Uint8Array): Promise<void> => {
    last = last.then(() => writeAll(sink, bytes));
    return last;
  };
  return {
    async follow(stream, dress) {
      const pass = (bytes: Uint8Array): Promise<void> =>
        write(dress === undefined ? bytes : dressed(bytes, dress));
      let rest: Uint8Array[] = [];
      let restBytes = 0;
      for await (const part of stream) {
        const end = part.lastIndexOf(NEWLINE) + 1;
        if (end > 0) {
          await pass(concat([...rest, part.subarray(0, end)]));
          rest = [];
          restBytes = 0;
        }
        if (end === part.length) continue;
        rest.push(part.slice(end));
        restBytes += part.length - end;
        if (restBytes < LONGEST_LINE_BYTES) continue;
        await pass(concat(dress === undefined ? rest : [...rest, Uint8Array.of(NEWLINE)]));
        rest = [];
        restBytes = 0;
      }
      // A worker that died within a line: the next worker's line begins on its own.
      if (restBytes > 0) await pass(concat([...rest, Uint8Array.of(NEWLINE)]));
    },
  };
}

async function writeAll(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  try {
    let written = 0;
    while (written < bytes.length) written += await sink.write(bytes.subarray(written));
  } catch {
    // Our own output is closed (`gpe serve | head`) or full: there is nowhere left to say so, and
    // workers must be able to go on printing all the same.
  }
}

function dressed(bytes: Uint8Array, dress: DressLine): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, start) + 1;
    parts.push(...dress(bytes.subarray(start, end)));
    start = end;
  }
  return concat(parts);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
