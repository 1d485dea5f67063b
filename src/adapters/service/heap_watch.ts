/**
 * Notices in what a worker prints that its JavaScript heap was full. V8 then says so and aborts:
 * by SIGTRAP, which alone could be anything.
 *
 * @module
 */

/** As V8 prints it, in several versions. */
const EXHAUSTED = /Fatal (?:JavaScript|process) out of memory|heap out of memory/;
/** Longer than the text: it may come in two parts. */
const KEPT_CHARACTERS = 64;

/** A stream that is looked at while it passes. */
export interface HeapWatch {
  /** The same bytes. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** Whether the text was among them. */
  isExhausted(): boolean;
}

/** Looks at a worker's stderr. */
export function watchHeap(stderr: AsyncIterable<Uint8Array>): HeapWatch {
  const decoder = new TextDecoder("latin1"); // any bytes: only ASCII is looked for
  let exhausted = false;
  async function* pass(): AsyncGenerator<Uint8Array> {
    let last = "";
    for await (const part of stderr) {
      const text = last + decoder.decode(part, { stream: true });
      exhausted ||= EXHAUSTED.test(text);
      last = text.slice(-KEPT_CHARACTERS);
      yield part;
    }
  }
  return { stream: pass(), isExhausted: () => exhausted };
}
