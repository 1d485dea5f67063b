/**
 * `redis://` URLs.
 *
 * @module
 */

/** What a URL says. */
export interface RedisUrl {
  /** Whether it begins with `rediss://`. */
  readonly tls: boolean;
  /** The host, without brackets. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The number of the database. */
  readonly db: number;
  /** The user; empty for none. */
  readonly username: string;
  /** The password; empty for none. */
  readonly password: string;
}

/** What {@linkcode parseRedisUrl} takes, as it reads after "expected". */
export const REDIS_URL_FORM = "redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/DB], percent-encoded";

/** Reads a URL; its query is not looked at. `undefined` when it is none. */
export function parseRedisUrl(text: string): RedisUrl | undefined {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const db = url.pathname.replace(/^\//, "");
  if (url.hostname === "" || !/^\d{0,9}$/.test(db)) return undefined;
  try {
    return {
      tls: url.protocol === "rediss:",
      host: decodeURIComponent(url.hostname).replace(/^\[|\]$/g, ""),
      port: Number(url.port || 6379),
      db: Number(db),
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    };
  } catch (error) {
    if (error instanceof URIError) return undefined; // A "%" that begins no code.
    throw error;
  }
}

/** A URL, or what was meant to be one, without user and password, for people to see. */
export function maskRedisUrl(text: string): string {
  return text.replace(/^(\w+:\/\/)?.*@/s, "$1***@");
}
