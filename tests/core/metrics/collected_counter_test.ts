import { assert, assertEquals } from "@std/assert";
import { createMemoryStorage } from "../../../src/core/memory_driver.ts";
import { Counter, Registry } from "../../../src/core/mod.ts";
import { snapshotAll } from "../../../src/core/snapshot.ts";
import { openStore } from "./store_support.ts";

const help = "h";

Deno.test("Counter that collect() sets by reset() and inc() is counted once", async () => {
  let total = 100;
  const options = { help, registers: [new Registry()] };
  const bare = new Counter({
    name: "bare",
    ...options,
    collect() {
      this.reset();
      this.inc(total / 4);
      this.reset();
      for (let i = 0; i < 4; i++) this.inc(total / 4);
    },
  });
  const labelled = new Counter({
    name: "labelled",
    labelNames: ["l"],
    ...options,
    async collect() {
      this.reset();
      await Promise.resolve();
      for (const l of ["x", "y"]) this.inc({ l }, total);
    },
  });
  const { store, read, storage } = openStore(bare, labelled);
  const values = async (): Promise<unknown[]> => {
    await Promise.all([bare.get(), labelled.get()]);
    const waiting = snapshotAll(store);
    const during = Object.values(await read());
    assertEquals(await waiting, 0);
    const after = Object.values(await read());
    during.forEach((value, i) => assert(value <= after[i]!, `${during}, then ${after}`));
    const shown = await Promise.all([bare.get(), labelled.get()]);
    assertEquals(shown.flatMap((one) => one.values).map(({ value }) => value), [
      total,
      total,
      total,
    ]);
    return after;
  };
  assertEquals(await values(), [100, 100, 100]);
  total = 130;
  assertEquals(await values(), [130, 130, 130]);
  assertEquals(await values(), [130, 130, 130]);
  total = 20; // what is counted there has started again
  assertEquals(await values(), [150, 150, 150]);
  bare.inc(2);
  labelled.inc({ l: "x" }, 3);
  assertEquals(Object.values(await read()), [152, 153, 150]);
  // A reset that is none of collect()'s starts anew.
  bare.collect = undefined;
  bare.reset();
  bare.inc(7);
  storage.setLiveness("1", "dead");
  store.detach();
  const next = createMemoryStorage();
  store.open(next.openWriter({ writer: "2" }));
  const { sources } = await next.openReader().read();
  assertEquals([0, 1, 2].map((i) => sources[0]!.values[sources[0]!.slots[i]!]), [159, 153, 150]);
});
