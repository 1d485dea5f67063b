/** A store of a test's own, and what is in it. */
import { decodeSampleKey } from "../../../src/core/sample_key.ts";
import { createMemoryStorage, type MemoryStorage } from "../../../src/core/memory_driver.ts";
import { isAbsent } from "../../../src/core/absent.ts";
import {
  createProcessStore,
  type ProcessStore,
  type Storable,
} from "../../../src/core/process_store.ts";

/** An open store, and a view of it. */
export interface TestStore {
  readonly store: ProcessStore;
  readonly storage: MemoryStorage;
  /** Values by `kind[_mode] sample{label="value"}`; what is marked absent reads `"absent"`. */
  read(): Promise<Record<string, number | "absent">>;
  /** Times by the same names. */
  times(): Promise<Record<string, number>>;
}

/** Opens a store in memory and connects some metrics. */
export function openStore(...metrics: readonly Storable[]): TestStore {
  const storage = createMemoryStorage();
  const store = createProcessStore();
  store.open(storage.openWriter({ writer: "1" }));
  for (const metric of metrics) store.connect(metric);
  return { store, storage, read: () => read(storage, 0), times: () => times(storage) };
}

async function times(storage: MemoryStorage): Promise<Record<string, number>> {
  return await read(storage, 1) as Record<string, number>;
}

async function read(
  storage: MemoryStorage,
  offset: number,
): Promise<Record<string, number | "absent">> {
  const { sources } = await storage.openReader().read();
  const found: Record<string, number | "absent"> = {};
  for (const { kind, mode, keys, values, slots } of sources) {
    keys.forEach((key, i) => {
      const { sample, labels } = decodeSampleKey(key)!;
      const text = labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",");
      const name = `${mode === undefined ? kind : `${kind}_${mode}`} ${sample}{${text}}`;
      const slot = slots[i]! + offset;
      found[name] = isAbsent(values, slot) ? "absent" : values[slot]!;
    });
  }
  return found;
}
