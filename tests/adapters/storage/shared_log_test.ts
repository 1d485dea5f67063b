import { assertEquals } from "@std/assert";
import { sharedLog } from "../../../src/adapters/storage/shared_log.ts";
import type { LogLevel } from "../../../src/core/log.ts";

Deno.test("sharedLog() says once what several processes say, until it is over", () => {
  const lines: string[] = [];
  const at = (level: LogLevel) => (message: string): void => void lines.push(`${level} ${message}`);
  const log = sharedLog({
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  });
  for (let process = 0; process < 3; process++) log.error("down");
  log.warn("slow");
  for (let process = 0; process < 3; process++) log.info("works again");
  log.error("down");
  assertEquals(lines, [
    "error down",
    "debug down",
    "debug down",
    "warn slow",
    "info works again",
    "debug works again",
    "debug works again",
    "error down",
  ]);
});
