/**
 * How a line that a worker printed looks when the master passes it on.
 *
 * @module
 */
import { PLAIN_LINE } from "./access_log_file.ts";
import type { DressLine } from "../service/line_relay.ts";
import { isServeHint } from "./serve_hint.ts";
import { NAME_MARK } from "./thread_console.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Adds the worker's name: `worker_1: line` as text; as JSON an object like those of the log, with
 * the members `worker_id` and `stream`. Lines of the access log stay as they are, and a hint of the
 * runtime that misleads is left out.
 *
 * @param isHost Whether lines may be marked with the name of another worker, a thread.
 */
export function dressOutput(
  format: "text" | "json",
  workerId: string,
  stream: "stdout" | "stderr",
  isHost = false,
): DressLine {
  const named = (line: Uint8Array): Uint8Array[] => {
    const [name, text] = isHost ? threadOf(line, workerId) : [workerId, line];
    if (format === "text") return [encoder.encode(`${name}: `), text];
    const time = new Date().toISOString();
    const message = decoder.decode(text.subarray(0, text.length - 1));
    const fields = { time, level: "info", message, worker_id: name, stream };
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

/** The thread that marked the line as its own, and the line without the mark. */
function threadOf(line: Uint8Array, otherwise: string): [name: string, line: Uint8Array] {
  const begin = line.indexOf(NAME_MARK);
  const end = begin < 0 ? -1 : line.indexOf(NAME_MARK, begin + 1);
  // Before it there is the indentation of a group at most.
  if (end < 0 || line.subarray(0, begin).some((byte) => byte !== SPACE)) return [otherwise, line];
  const rest = new Uint8Array(line.length - (end + 1 - begin));
  rest.set(line.subarray(0, begin));
  rest.set(line.subarray(end + 1), begin);
  return [decoder.decode(line.subarray(begin + 1, end)), rest];
}
