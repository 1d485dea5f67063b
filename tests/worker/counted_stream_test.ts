import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { countedStream, isScriptStream } from "../../src/worker/counted_stream.ts";

const chunk = (size: number) => new Uint8Array(size).fill(7);

Deno.test("countedStream() passes every chunk on when it counts", async () => {
  const ends: number[] = [];
  const chunks = [chunk(3), chunk(0), chunk(1000)];
  const stream = countedStream(ReadableStream.from(chunks), (size) => ends.push(size));
  const passed: Uint8Array[] = [];
  for await (const part of stream) passed.push(part);
  passed.forEach((part, i) => assertStrictEquals(part, chunks[i]));
  assertEquals([passed.length, ends], [3, [1003]]);
});

Deno.test("countedStream() reads nothing ahead when nobody reads", async () => {
  let pulls = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls++;
      controller.enqueue(chunk(1));
    },
  }, { highWaterMark: 0 });
  const reader = countedStream(source, () => {}).getReader();
  await Promise.resolve();
  assertEquals(pulls, 0);
  await reader.read();
  assertEquals(pulls, 1);
  await reader.cancel();
});

Deno.test("countedStream() hands the reason on when it is cancelled", async () => {
  const ends: number[] = [];
  let reason: unknown;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(chunk(5)),
    cancel: (given) => void (reason = given),
  }, { highWaterMark: 0 });
  const reader = countedStream(source, (size) => ends.push(size)).getReader();
  await reader.read();
  const mine = new Error("enough");
  await reader.cancel(mine);
  assertStrictEquals(reason, mine);
  assertEquals(ends, [5]);
});

Deno.test("countedStream() fails with the same error when the source fails", async () => {
  const ends: number[] = [];
  const mine = new RangeError("source");
  let pulls = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulls++ > 0) throw mine;
      controller.enqueue(chunk(5));
    },
  }, { highWaterMark: 0 });
  const reader = countedStream(source, (size) => ends.push(size)).getReader();
  await reader.read();
  assertStrictEquals(await assertRejects(() => reader.read()), mine);
  assertEquals(ends, [5]);
});

Deno.test("isScriptStream() is false when the runtime reads the stream by itself", async () => {
  assert(isScriptStream(new ReadableStream()));
  assert(isScriptStream(new TransformStream().readable));
  assert(isScriptStream(ReadableStream.from([chunk(1)])));
  const file = await Deno.open(new URL(import.meta.url));
  assertEquals(isScriptStream(file.readable), false);
  await file.readable.cancel();
});
