import { assertEquals } from "@std/assert";
import { createLog, type LogOptions } from "../../../src/adapters/service/log.ts";

function capture(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "text",
    write: (line) => lines.push(line),
    now: () => new Date(Date.UTC(2026, 10, 22, 10)),
    ...options,
  });
  return { log, lines };
}

Deno.test("createLog() writes text lines with key=value pairs", () => {
  const { log, lines } = capture();
  log.info("Worker started", { slot: 1, app: "a b.ts", flags: ["-A"], code: undefined, empty: "" });
  log.error("Gave up");
  assertEquals(lines, [
    '2026-11-22T10:00:00.000Z info Worker started slot=1 app="a b.ts" flags=["-A"] code=undefined empty=""\n',
    "2026-11-22T10:00:00.000Z error Gave up\n",
  ]);
});

Deno.test("createLog() leaves out what is below its level", () => {
  const { log, lines } = capture({ level: "warn" });
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  assertEquals(lines.map((line) => line.split(" ").slice(1).join(" ")), ["warn c\n", "error d\n"]);
});

Deno.test("createLog() keeps an event on one line, whatever it contains", () => {
  const hostile = "a\n2026-11-22T10:00:00.000Z error forged\x1b[31m";
  for (const format of ["text", "json"] as const) {
    const { log, lines } = capture({ format });
    log.warn(hostile, { name: hostile, error: new Error(hostile), big: 1n });
    assertEquals(lines.length, 1);
    assertEquals(/\p{Cc}/u.exec(lines[0]!.slice(0, -1)), null, JSON.stringify(lines[0]));
  }
});

Deno.test("createLog() writes JSON objects whose own members come first and cannot be replaced", () => {
  const { log, lines } = capture({ format: "json" });
  log.warn("Worker ended", { code: 1, time: "x", level: "y", error: new TypeError("bad"), n: 2n });
  assertEquals(
    lines[0],
    '{"time":"2026-11-22T10:00:00.000Z","level":"warn","message":"Worker ended","code":1,"error":"bad","n":"2"}\n',
  );
});
