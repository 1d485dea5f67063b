/** The store of the process, for one test. */
import { createAggregator } from "../../../src/core/aggregate.ts";
import { renderText } from "../../../src/core/exposition_text.ts";
import { createMemoryStorage, type MemoryStorage } from "../../../src/core/memory_driver.ts";
import { createProcessStore, type ProcessStore } from "../../../src/core/process_store.ts";
import { mirrorAll } from "../../../src/core/snapshot.ts";

const STORE = Symbol.for("@gpe/cli/store");

/** A store in place of that of the process, with a storage of its own. */
export interface Sharing extends Disposable {
  readonly store: ProcessStore;
  readonly storage: MemoryStorage;
  /** Copies what needs no waiting. */
  mirror(): void;
  /** The samples of the page of all writers. */
  page(): Promise<string[]>;
}

export function openSharing(store = createProcessStore(), storesTimestamps = true): Sharing {
  const storage = createMemoryStorage();
  store.open(storage.openWriter({ writer: "1", storesTimestamps }));
  Object.assign(globalThis, { [STORE]: store });
  return {
    store,
    storage,
    mirror: () =>
      mirrorAll(store, (error) => {
        throw error;
      }),
    async page() {
      const { families } = createAggregator().aggregate(await storage.openReader().read());
      return renderText(families).split("\n").filter((line) => line !== "" && line[0] !== "#");
    },
    [Symbol.dispose]() {
      store.detach();
      Reflect.deleteProperty(globalThis, STORE);
    },
  };
}
