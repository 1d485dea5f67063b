import { assertEquals, assertRejects } from "@std/assert";
import { withCleanup } from "../../../src/adapters/service/cleanup.ts";

Deno.test("withCleanup() undoes everything, the last thing first, and gives the result", async () => {
  const undone: string[] = [];
  const result = await withCleanup((cleanup) => {
    cleanup.use({ [Symbol.dispose]: () => void undone.push("first") });
    cleanup.defer(() => undone.push("second"));
    cleanup.use({
      async [Symbol.asyncDispose]() {
        await Promise.resolve();
        undone.push("third");
      },
    });
    return Promise.resolve(5);
  });
  assertEquals([result, undone], [5, ["third", "second", "first"]]);
});

Deno.test("withCleanup() throws what failed, and undoes the rest", async () => {
  const undone: string[] = [];
  const failure = new TypeError("no");
  const error = await assertRejects(() =>
    withCleanup((cleanup) => {
      cleanup.defer(() => undone.push("first"));
      cleanup.defer(() => undone.push("second"));
      return Promise.reject(failure);
    })
  );
  assertEquals([error, undone], [failure, ["second", "first"]]);
});

Deno.test("withCleanup() throws all failures together when there are several", async () => {
  const undone: string[] = [];
  const error = await assertRejects(() =>
    withCleanup((cleanup) => {
      cleanup.defer(() => undone.push("first"));
      cleanup.defer(() => {
        throw new Error("undoing failed");
      });
      return Promise.reject(new Error("running failed"));
    }), AggregateError);
  assertEquals(error.message, "running failed");
  assertEquals(error.errors.map(({ message }) => message), ["running failed", "undoing failed"]);
  assertEquals(undone, ["first"]);
});
