import { assertEquals } from "@std/assert";
import { withoutServeHint } from "../../../src/adapters/deno/serve_hint.ts";

const HINT = 'warning: Detected export default { fetch }, did you mean to run "deno serve"?\n';

async function pass(...texts: string[]): Promise<string> {
  const output = async function* (): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text));
  };
  const decoder = new TextDecoder();
  let passed = "";
  for await (const part of withoutServeHint(output())) passed += decoder.decode(part);
  return passed;
}

Deno.test("withoutServeHint() leaves out the hint when it stands among other lines", async () => {
  assertEquals(await pass("a\n", `b\n${HINT}c`, "d\n"), "a\nb\ncd\n");
});

Deno.test("withoutServeHint() leaves out the hint when it is coloured", async () => {
  const coloured = HINT.replace("warning: ", "\u001b[0m\u001b[33mwarning: \u001b[0m");
  assertEquals(await pass(coloured), "");
});

Deno.test("withoutServeHint() passes on what the application says about the same", async () => {
  assertEquals(await pass(`my ${HINT}`, `${HINT}`, HINT), `my ${HINT}${HINT}`);
});

Deno.test("withoutServeHint() leaves bytes as they are when they are not UTF-8", async () => {
  const parts: number[] = [];
  const output = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Uint8Array.of(0xff, 0x0a, 0xfe));
  };
  for await (const part of withoutServeHint(output())) parts.push(...part);
  assertEquals(parts, [0xff, 0x0a, 0xfe]);
});
