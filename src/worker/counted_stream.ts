/**
 * Counts the bytes of a stream as they pass, holding none back.
 *
 * @module
 */

/** Deno's mark of a stream that the runtime reads by itself when it is sent (file, socket). */
const RESOURCE_BACKING = Object.getOwnPropertySymbols(new ReadableStream())
  .find(({ description }) => description === "[[resourceBacking]]");

/**
 * Whether JavaScript makes the chunks of a stream, so that counting them costs little. A stream of
 * the runtime is copied to the client without passing through JavaScript, and has to stay so.
 * Where the mark is not known, no stream is taken for the application's.
 */
export function isScriptStream(stream: ReadableStream): boolean {
  if (RESOURCE_BACKING === undefined) return false;
  return (stream as unknown as Record<symbol, unknown>)[RESOURCE_BACKING] === null;
}

/** Who else is told the size of a counted stream. */
const LISTENERS = new WeakMap<ReadableStream, ((sizeBytes: number, failed: boolean) => void)[]>();

/**
 * Tells the size of a stream that {@linkcode countedStream} made, when it ends.
 *
 * @returns `false` when the stream is not counted; `onEnd` is then not called.
 */
export function whenCounted(stream: ReadableStream, onEnd: (sizeBytes: number) => void): boolean {
  return LISTENERS.get(stream)?.push(onEnd) !== undefined;
}

/**
 * A stream with the same chunks, errors and end. It reads only when it is read, so the pace of its
 * reader reaches the source, and passes a cancellation on with its reason.
 *
 * @param source Gets locked.
 * @param onEnd Called once with the number of bytes, when the stream ends, fails or is cancelled, and
 *   with whether it failed.
 */
export function countedStream(
  source: ReadableStream<Uint8Array>,
  onEnd: (sizeBytes: number, failed: boolean) => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let size = 0;
  let ended = false;
  const listeners: ((sizeBytes: number, failed: boolean) => void)[] = [onEnd];
  const end = (failed: boolean) => {
    if (ended) return;
    ended = true;
    for (const listener of listeners) listener(size, failed);
  };
  const counted = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          end(false);
          controller.close();
        } else {
          // A chunk may be anything here; the server refuses what is no bytes.
          size += value?.byteLength ?? 0;
          controller.enqueue(value);
        }
      } catch (error) {
        end(true);
        throw error;
      }
    },
    cancel(reason) {
      end(false);
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  LISTENERS.set(counted, listeners);
  return counted;
}
