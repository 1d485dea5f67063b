import { assertEquals } from "@std/assert";
import { watchHeap } from "../../../src/adapters/service/heap_watch.ts";

async function watch(...parts: string[]): Promise<{ exhausted: boolean; passed: string }> {
  const bytes = parts.map((part) => new TextEncoder().encode(part));
  const heap = watchHeap(ReadableStream.from(bytes));
  let passed = "";
  for await (const part of heap.stream) passed += new TextDecoder().decode(part);
  return { exhausted: heap.isExhausted(), passed };
}

Deno.test("watchHeap() passes everything on and finds V8's words, also cut in two", async () => {
  const text = "#\n# Fatal JavaScript out of memory: Reached heap limit\n#\n";
  assertEquals(await watch(text), { exhausted: true, passed: text });
  for (let cut = 0; cut < text.length; cut++) {
    assertEquals((await watch(text.slice(0, cut), text.slice(cut))).exhausted, true, String(cut));
  }
});

Deno.test("watchHeap() finds nothing when other errors are printed", async () => {
  assertEquals((await watch("error: out of ", "luck\n")).exhausted, false);
});
