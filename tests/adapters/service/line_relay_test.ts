import { assertEquals } from "@std/assert";
import { type ByteSink, createLineRelay } from "../../../src/adapters/service/line_relay.ts";

/** Takes at most `most` bytes a call, as a full pipe does. */
function sinkOf(most: number): ByteSink & { readonly text: string } {
  const decoder = new TextDecoder();
  let text = "";
  return {
    async write(bytes) {
      await Promise.resolve();
      const taken = bytes.subarray(0, most);
      text += decoder.decode(taken, { stream: true });
      return taken.length;
    },
    get text() {
      return text;
    },
  };
}

async function* parts(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) {
    await Promise.resolve();
    yield new TextEncoder().encode(text);
  }
}

Deno.test("follow() joins the parts of a line when they come one by one", async () => {
  const sink = sinkOf(3);
  await createLineRelay(sink).follow(parts("a", "b\nc", "d", "\n\nä\n"));
  assertEquals(sink.text, "ab\ncd\n\nä\n");
});

Deno.test("follow() never mixes lines when two streams write at once", async () => {
  const sink = sinkOf(2);
  const relay = createLineRelay(sink);
  const lines = (letter: string) => Array.from({ length: 50 }, (_, i) => letter.repeat(i + 1));
  const stream = (letter: string) => parts(...lines(letter).flatMap((line) => [line, "\n"]));
  await Promise.all([relay.follow(stream("a")), relay.follow(stream("b"))]);
  const written = sink.text.trimEnd().split("\n");
  for (const letter of ["a", "b"]) {
    assertEquals(written.filter((line) => line.startsWith(letter)), lines(letter));
  }
  assertEquals(written.length, 100);
});

Deno.test("follow() ends the last line when the worker died within it", async () => {
  const sink = sinkOf(100);
  const relay = createLineRelay(sink);
  await relay.follow(parts("half a li"));
  await relay.follow(parts("next\n"));
  assertEquals(sink.text, "half a li\nnext\n");
});

Deno.test("follow() passes a line on in parts when it is longer than a mebibyte", async () => {
  const sink = sinkOf(1 << 30);
  const part = "x".repeat(700_000);
  const before: number[] = [];
  async function* stream(): AsyncIterable<Uint8Array> {
    for await (const bytes of parts(part, part, "\n")) {
      before.push(sink.text.length);
      yield bytes;
    }
  }
  await createLineRelay(sink).follow(stream());
  assertEquals(before, [0, 0, 1_400_000]);
  assertEquals(sink.text, `${part}${part}\n`);
});

Deno.test("follow() goes on reading when nobody reads the sink any more", async () => {
  let read = 0;
  async function* stream(): AsyncIterable<Uint8Array> {
    for await (const bytes of parts("a\n", "b\n", "c\n")) {
      read++;
      yield bytes;
    }
  }
  const closed = { write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")) };
  await createLineRelay(closed).follow(stream());
  assertEquals(read, 3);
});
