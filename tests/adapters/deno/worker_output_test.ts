import { assertEquals } from "@std/assert";
import { dressOutput } from "../../../src/adapters/deno/worker_output.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function dressed(line: string, isHost: boolean, format: "text" | "json" = "text"): string {
  const dress = dressOutput(format, "threads", "stdout", isHost);
  return dress(encoder.encode(line)).map((part) => decoder.decode(part)).join("");
}

Deno.test("dressOutput() gives a line of a host the name that its thread marked it with", () => {
  assertEquals(dressed("\x1fworker_2\x1fa line\n", true), "worker_2: a line\n");
  assertEquals(dressed("  \x1fworker_2\x1fin a group\n", true), "worker_2:   in a group\n");
  const { worker_id, message } = JSON.parse(dressed("\x1fworker_2\x1fa line\n", true, "json"));
  assertEquals([worker_id, message], ["worker_2", "a line"]);
});

Deno.test("dressOutput() leaves a mark alone that is none", () => {
  assertEquals(dressed("a line\n", true), "threads: a line\n");
  assertEquals(dressed("\x1fa line\n", true), "threads: \x1fa line\n");
  assertEquals(dressed("a\x1fworker_2\x1fline\n", true), "threads: a\x1fworker_2\x1fline\n");
  assertEquals(dressed("\x1fworker_2\x1fa line\n", false), "threads: \x1fworker_2\x1fa line\n");
});
