/**
 * How a line that a worker printed looks when the master passes it on.
 *
 * @module
 */
import { PLAIN_LINE } from "./access_log_file.ts";
import type { DressLine } from "./line_relay.ts";
import { isServeHint } from "./serve_hint.ts";

const NEWLINE = 0x0a;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Adds the worker's name: `worker_1: line` as text; as JSON an object like those of the log, with
 * the members `worker_id` and `stream`. Lines of the access log stay as they are, and a hint of the
 * runtime that misleads is left out.
 */
export function dressOutput(
  format: "text" | "json",
  workerId: string,
  stream: "stdout" | "stderr",
): DressLine {
  const prefix = encoder.encode(`${workerId}: `);
  const named = (line: Uint8Array): Uint8Array[] => {
    if (format === "text") return [prefix, line];
    const time = new Date().toISOString();
    const message = decoder.decode(line.subarray(0, line.length - 1));
    const fields = { time, level: "info", message, worker_id: workerId, stream };
    return [encoder.encode(JSON.stringify(fields) + "\n")];
  };
  return (line) => {
    if (stream === "stderr" && isServeHint(line)) return [];
    const mark = line.indexOf(PLAIN_LINE);
    if (mark < 0) return named(line);
    const plain = line.subarray(mark + 1);
    if (mark === 0) return [plain];
    // The application has begun a line that it ends later.
    const begun = line.slice(0, mark + 1);
    begun[mark] = NEWLINE;
    return [...named(begun), plain];
  };
}
