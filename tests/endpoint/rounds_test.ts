import { assertEquals, assertRejects } from "@std/assert";
import { createRounds } from "../../src/endpoint/rounds.ts";

/** A round that ends when told to. */
function manual() {
  const begun: { wanted: string[]; end: (value: number) => void; fail: (e: Error) => void }[] = [];
  const rounds = createRounds<string, number>((wanted) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    begun.push({ wanted: [...wanted].sort(), end: resolve, fail: reject });
    return promise;
  });
  return { rounds, begun };
}

/** Lets everything run that waits for nothing from outside. */
const settle = (): Promise<void> => new Promise((done) => setTimeout(done));

Deno.test("join() shares one round among all who come before it begins", async () => {
  const { rounds, begun } = manual();
  const results = [rounds.join("text"), rounds.join("openmetrics"), rounds.join("text")];
  await settle();
  assertEquals(begun.map(({ wanted }) => wanted), [["openmetrics", "text"]]);
  begun[0]?.end(7);
  assertEquals(await Promise.all(results), [7, 7, 7]);
});

Deno.test("join() never gives a round that had begun, and never lets two overlap", async () => {
  const { rounds, begun } = manual();
  const first = rounds.join("a");
  await settle();
  const late = [rounds.join("b"), rounds.join("c")];
  await settle();
  assertEquals(begun.length, 1, "the second round waits for the first");
  begun[0]?.end(1);
  assertEquals(await first, 1);
  await settle();
  assertEquals(begun.map(({ wanted }) => wanted), [["a"], ["b", "c"]]);
  begun[1]?.end(2);
  assertEquals(await Promise.all(late), [2, 2]);
});

Deno.test("join() goes on with the next round when one fails", async () => {
  const { rounds, begun } = manual();
  const first = rounds.join("a");
  await settle();
  const second = rounds.join("b");
  begun[0]?.fail(new Error("disk gone"));
  await assertRejects(() => first, Error, "disk gone");
  await settle();
  begun[1]?.end(2);
  assertEquals(await second, 2);
});
