/**
 * The forms of a line of the access log.
 *
 * @module
 */

/** One answered request. What a client sent stands here as it came, hostile or not. */
export interface AccessEntry {
  /** The client's address, as far as it is known. */
  readonly remote: string | undefined;
  /** The method. */
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** The version of the protocol, such as `"HTTP/1.1"`. */
  readonly protocol: string;
  /** The status. */
  readonly status: number;
  /** Bytes of the body; `undefined` when they cannot be told. */
  readonly sizeBytes: number | undefined;
  /** The header `referer`. */
  readonly referer: string | null | undefined;
  /** The header `user-agent`. */
  readonly userAgent: string | null | undefined;
  /** Time to the end of the response, in milliseconds. */
  readonly durationMs: number;
}

/** Makes a line, with its line break, of an entry and the time in milliseconds since the epoch. */
export type FormatAccess = (entry: AccessEntry, nowMs: number) => string;

/**
 * The combined format of Apache and nginx, Gunicorn's default too:
 * `REMOTE - - [TIME] "METHOD TARGET PROTOCOL" STATUS SIZE "REFERER" "USER-AGENT"`.
 */
export function combinedFormat(): FormatAccess {
  let second = NaN;
  let time = "";
  return (entry, nowMs) => {
    const now = Math.floor(nowMs / 1000);
    if (now !== second) {
      second = now;
      time = clfTime(new Date(nowMs));
    }
    const { remote, method, target, protocol, status, sizeBytes = "-", referer, userAgent } = entry;
    return `${escaped(remote)} - - [${time}] "${escaped(method)} ${escaped(target)} ${protocol}" ` +
      `${status} ${sizeBytes} "${escaped(referer)}" "${escaped(userAgent)}"\n`;
  };
}

/**
 * One JSON object a line: `time`, `worker_id`, `remote`, `method`, `target`, `protocol`, `status`,
 * `size_bytes`, `duration_seconds`, `referer`, `user_agent`; what is not known is `null`.
 */
export function jsonFormat(workerId: string): FormatAccess {
  return (entry, nowMs) =>
    JSON.stringify({
      time: new Date(nowMs).toISOString(),
      worker_id: workerId,
      remote: entry.remote ?? null,
      method: entry.method,
      target: entry.target,
      protocol: entry.protocol,
      status: entry.status,
      size_bytes: entry.sizeBytes ?? null,
      duration_seconds: Math.round(entry.durationMs * 1000) / 1e6,
      referer: entry.referer ?? null,
      user_agent: entry.userAgent ?? null,
    }) + "\n";
}

/** What nginx escapes too (`log_format … escape=default`): so no client can end a field or line. */
const UNSAFE = /["\\]|[^\x20-\x7e]/gu;

function escaped(text: string | null | undefined): string {
  if (text === null || text === undefined || text === "") return "-";
  return UNSAFE.test(text) ? text.replace(UNSAFE, hex) : text;
}

/** A header's characters are its bytes; anything else is written as the bytes of UTF-8. */
function hex(character: string): string {
  const code = character.charCodeAt(0);
  const bytes = code <= 0xff ? [code] : [...new TextEncoder().encode(character)];
  return bytes.map((byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `24/Jul/2026:10:05:03 +0200`, in local time. */
function clfTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = Math.abs(offset);
  return `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}` +
    `:${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ` +
    `${offset < 0 ? "-" : "+"}${two(Math.floor(zone / 60))}${two(zone % 60)}`;
}
