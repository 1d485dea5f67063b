/**
 * From the text of a flag or variable to the value of a setting. A parser returns `undefined` for
 * text it does not accept; what it expects stands in `expected` and becomes part of the message.
 *
 * @module
 */
import type { Address, BindAddress, Variable } from "./config.ts";

/** Reads one kind of value. */
export interface Parser<T> {
  /** What is accepted, as it reads after "expected". */
  readonly expected: string;
  /** The same where a program gives the value itself. @default {`expected`} */
  readonly expectedValue?: string;
  /** The value, or `undefined` when `text` is not accepted. */
  parse(text: string): T | undefined;
}

/** Longest time a timer of the platform can wait: 2^31 - 1 milliseconds. */
const MAX_SECONDS = 2_147_483;

/** A whole number within bounds, decimal digits only. */
export function integer(what: string, min: number, max: number): Parser<number> {
  return {
    expected: `${what} from ${min} to ${max}`,
    parse(text) {
      if (!/^\d{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** A TCP port; 0 asks for a free one. */
export const port: Parser<number> = integer("a port", 0, 65535);

/**
 * A TCP port as other services are told: also `tcp://HOST:PORT`, which is what Kubernetes puts into
 * `REDIS_PORT` of every container beside a service that is named `redis`.
 */
export const servicePort: Parser<number> = {
  expected: "a port from 1 to 65535",
  parse(text) {
    const value = port.parse(text.replace(/^tcp:\/\/.*:(?=\d+$)/, ""));
    return value === 0 ? undefined : value;
  },
};

/** Seconds, given as a number, kept in milliseconds. */
export const secondsAsMs: Parser<number> = {
  expected: `seconds from 0 to ${MAX_SECONDS}`,
  expectedValue: `milliseconds from 0 to ${MAX_SECONDS}000`,
  parse(text) {
    if (!/^(\d+\.?\d*|\.\d+)$/.test(text)) return undefined;
    const seconds = Number(text);
    return seconds <= MAX_SECONDS ? Math.round(seconds * 1000) : undefined;
  },
};

/** Any text but the empty one; line breaks and other control characters are refused. */
export function text(what: string): Parser<string> {
  return {
    expected: what,
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    parse: (text) => text === "" || /[\x00-\x1f\x7f]/.test(text) ? undefined : text,
  };
}

/** The same, or the empty text, which stands for "none". */
export function optional(parser: Parser<string>): Parser<string> {
  return { expected: parser.expected, parse: (text) => text === "" ? "" : parser.parse(text) };
}

/** One variable of an environment, in a list of its own. */
export const variable: Parser<readonly Variable[]> = {
  expected: "NAME=VALUE",
  parse(text) {
    const match = /^([^=\0]+)=([^\0]*)$/s.exec(text);
    return match === null ? undefined : [{ name: match[1]!, value: match[2]! }];
  },
};

/** One of a list of words. */
export function choice<T extends string>(...words: readonly T[]): Parser<T> {
  const quoted = words.map((word) => JSON.stringify(word));
  const last = quoted.pop() ?? "";
  return {
    expected: quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`,
    parse: (text) => words.find((word) => word === text),
  };
}

const SWITCH: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["off", false],
]);

/** On or off, in any case, in the spellings that Python programs take. */
export const onOff: Parser<boolean> = {
  expected: '"true" or "false"',
  parse: (text) => SWITCH.get(text.toLowerCase()),
};

/** The metric-name grammar of Prometheus's data model, without what follows the prefix. */
export const metricPrefix: Parser<string> = {
  expected: "letters, digits and underscores, not beginning with a digit",
  parse: (text) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(text) ? text : undefined,
};

/** A host name, an IPv4 address or an IPv6 address with or without brackets; no port. */
export const hostname: Parser<string> = {
  expected: "a host name or an IP address without a port",
  parse(text) {
    const inner = /^\[(.*)\]$/.exec(text)?.[1];
    if (inner !== undefined) return isIpv6(inner) ? inner : undefined;
    return isIpv6(text) || isName(text) ? text : undefined;
  },
};

/**
 * `HOST:PORT` or `[IPV6]:PORT`; `:PORT` is every IPv4 address, as in Gunicorn; `PORT` alone keeps
 * the default's 127.0.0.1.
 */
export const address: Parser<Address> = {
  expected: "HOST:PORT, [IPV6]:PORT, :PORT or PORT with a port from 0 to 65535",
  parse(text) {
    const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d+)$/.exec(text);
    if (match === null) return undefined;
    const host = match[1] === undefined
      ? "127.0.0.1"
      : match[1] === ""
      ? "0.0.0.0"
      : hostname.parse(match[1]);
    const number = port.parse(match[2] ?? "");
    return host === undefined || number === undefined
      ? undefined
      : { hostname: host, port: number };
  },
};

/** An {@linkcode address}, or `unix:PATH`. */
export const bindAddress: Parser<BindAddress> = {
  expected: `${address.expected}, or unix:PATH`,
  parse(given) {
    const path = /^unix:(.*)$/s.exec(given)?.[1];
    if (path === undefined) return address.parse(given);
    const checked = text("a path").parse(path);
    return checked === undefined ? undefined : { path: checked };
  },
};

/** Servers, separated by commas; none is the empty text. */
export const serviceAddresses: Parser<readonly Address[]> = {
  expected: "HOST:PORT,HOST:PORT with ports from 1 to 65535",
  parse(text) {
    if (text === "") return [];
    const parsed = text.split(",").map((one) =>
      /^\s*[^:\s]|^\s*\[/.test(one) && one.includes(":") ? address.parse(one.trim()) : undefined
    );
    return parsed.every((one) => one !== undefined && one.port !== 0)
      ? parsed as readonly Address[]
      : undefined;
  },
};

function isName(text: string): boolean {
  return text.length <= 253 && /^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_.])?$/.test(text);
}

function isIpv6(text: string): boolean {
  return /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%[\w.-]+)?$/.test(text);
}

/** An address as a listener prints it: IPv6 in brackets. */
export function formatAddress(address: Address): string {
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Addresses as {@linkcode serviceAddresses} takes them. */
export function formatAddresses(addresses: readonly Address[]): string {
  return addresses.map(formatAddress).join(",");
}

/** The same for a Unix socket too: `unix:PATH`. */
export function formatBindAddress(address: BindAddress): string {
  return "path" in address ? `unix:${address.path}` : formatAddress(address);
}
