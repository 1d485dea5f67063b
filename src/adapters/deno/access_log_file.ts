/**
 * The access log's file on Deno.
 *
 * @module
 */
import type { AccessLogConfig } from "../../config/config.ts";
import type { Log } from "../../core/log.ts";
import { type AccessLog, type AccessSink, createAccessLog } from "../../worker/access_log.ts";
import { combinedFormat, jsonFormat } from "../../worker/access_log_format.ts";

/** What stands for the standard output. */
export const STDOUT = "-";

/**
 * Marks a line on a worker's standard output that the master passes on as it is, without the
 * worker's name: readers of access logs know that form. It is ASCII's record separator.
 */
export const PLAIN_LINE = 0x1e;

/**
 * Opens the access log of a worker. It is also written when the application ends the process.
 * Permission: write for the path.
 */
export function openAccessLog(target: AccessLogConfig, workerId: string, log: Log): AccessLog {
  const { path } = target;
  const format = target.format === "json" ? jsonFormat(workerId) : combinedFormat();
  const mark = String.fromCharCode(PLAIN_LINE);
  const accessLog = createAccessLog({
    format: path === STDOUT ? (entry, now) => mark + format(entry, now) : format,
    open: () => path === STDOUT ? STDOUT_SINK : openForAppend(path),
    now: Date.now,
    schedule: (callback, delayMs) => Deno.unrefTimer(setTimeout(callback, delayMs)),
    log,
  });
  for (const end of ["unload", "error", "unhandledrejection"]) {
    addEventListener(end, accessLog.flush);
  }
  return accessLog;
}

const STDOUT_SINK: AccessSink = {
  append: (bytes) => Deno.stdout.writeSync(atomicPart(bytes)),
  close() {},
};

/** The most that a pipe takes in one piece when several threads write to it: `PIPE_BUF` of Linux. */
const PIPE_BYTES = 4096;

/** As many whole lines as a pipe takes in one piece, or all when the first line is longer. */
function atomicPart(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= PIPE_BYTES) return bytes;
  const end = bytes.lastIndexOf(0x0a, PIPE_BYTES - 1) + 1;
  return end > 0 ? bytes.subarray(0, end) : bytes;
}

/**
 * Opens a file to append to; it is created when it is not there. With `O_APPEND` the kernel
 * puts each write at the end, whoever else writes.
 *
 * @throws {Error} saying what is wrong with the path
 */
export function openForAppend(path: string): AccessSink {
  try {
    const file = Deno.openSync(path, { append: true, create: true, mode: 0o640 });
    return { append: (bytes) => file.writeSync(bytes), close: () => file.close() };
  } catch (error) {
    const state = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Cannot open the access log ${JSON.stringify(path)}: ${state}, ` +
        "expected a file that can be written",
      { cause: error },
    );
  }
}
