/** What the tests of the filesystem driver share. */
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import type { FilePrimitives } from "../../../src/storage/filesystem/mod.ts";

export { add, key, valuesOf } from "./_series.ts";

/** The primitives of both writers, and of a runtime that has neither locks nor mapped memory. */
export const PRIMITIVES: Readonly<Record<"mapped" | "buffered" | "unlocked", FilePrimitives>> = {
  mapped: denoFilePrimitives,
  buffered: {
    identity: denoFilePrimitives.identity,
    locks: denoFilePrimitives.locks,
    mapper: undefined,
  },
  unlocked: { identity: denoFilePrimitives.identity, locks: undefined, mapper: undefined },
};

/** Both writers, for tests that run with each. */
export const KINDS = ["mapped", "buffered"] as const;

/** Both layouts. */
export const LAYOUTS = ["timestamp", "value"] as const;

/** The bytes of a metric file, made without the code under test. */
export function fileBytes(
  entries: readonly { key: string | Uint8Array; value: number; time?: number }[],
  options: { layout?: "timestamp" | "value"; incarnation?: number; size?: number } = {},
): Uint8Array<ArrayBuffer> {
  const { layout = "timestamp", incarnation = 0, size = 65536 } = options;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let offset = 8;
  for (const { key, value, time = 0 } of entries) {
    const text = typeof key === "string" ? new TextEncoder().encode(key) : key;
    view.setInt32(offset, text.length, true);
    bytes.set(text, offset + 4);
    const padding = 8 - (text.length + 4) % 8;
    bytes.fill(0x20, offset + 4 + text.length, offset + 4 + text.length + padding);
    offset += 4 + text.length + padding;
    view.setFloat64(offset, value, true);
    offset += 8;
    if (layout === "timestamp") {
      view.setFloat64(offset, time, true);
      offset += 8;
    }
  }
  view.setInt32(0, offset, true);
  view.setInt32(4, incarnation, true);
  return bytes;
}
