/** What the tests of the filesystem driver share. */
import { denoFilePrimitives } from "../../../src/adapters/deno/file_primitives.ts";
import type { Cell, SampleSource } from "../../../src/core/storage.ts";
import { encodeSampleKey } from "../../../src/core/sample_key.ts";
import type { FilePrimitives } from "../../../src/storage/filesystem/mod.ts";

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

/** The key of series `i` of a family with one label. */
export function key(i: number | string, family = "items"): string {
  return encodeSampleKey(family, `${family}_total`, { item: String(i) }, "Things counted.");
}

/** Adds to a cell as a metric does. */
export function add(cell: Cell, amount: number): void {
  cell.values[cell.index] = (cell.values[cell.index] as number) + amount;
}

/** The values of a source by key. */
export function valuesOf(source: SampleSource | undefined): Map<string, number> {
  const values = new Map<string, number>();
  source?.keys.forEach((key, i) => {
    values.set(key, source.values[source.slots[i] as number] as number);
  });
  return values;
}

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
