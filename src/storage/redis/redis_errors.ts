/**
 * What a client's or server's error means, in one line for the log.
 *
 * @module
 */
import { StorageError } from "../../core/errors.ts";

/** A connection's errors, told in clear words and without secrets. */
export interface RedisErrors {
  /** An error while connecting. */
  connecting(error: unknown): StorageError;
  /** An error reply, or a command that got none. */
  command(error: unknown): StorageError;
}

/** The message of the error for a command that got no answer in time. */
export const TIMED_OUT = "command timed out";

/** The message of the error for a connection that was used and is closed. */
export const CLOSED = "closed";

/** The message of the error for a command while there is no connection, and nothing is known. */
export const NOT_CONNECTED = "not connected";

/** Whether an error reply says something about the server rather than about one command or key. */
export function isServerState(error: unknown): boolean {
  return error instanceof StorageError && error.cause instanceof RedisReplyError &&
    STATES.has(error.cause.code);
}

/** Whether the server is a replica that refuses writes: the master may be elsewhere by now. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof StorageError && error.cause instanceof RedisReplyError &&
    error.cause.code === "READONLY";
}

/** Whether the connection ended while the command was on its way. */
export function isCut(error: unknown): boolean {
  return error instanceof StorageError && error.cause instanceof RedisReplyError &&
    CUT.test(error.cause.message);
}

/**
 * What was answered or happened. Clients attach the command with its arguments to their errors, a
 * password included; this has the message alone.
 */
class RedisReplyError extends Error {
  /** The first word of an error reply, such as `WRONGPASS`, or the code of a system error. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "RedisReplyError";
    this.code = code;
  }
}

/** By the first word of the reply: what it means, what is expected. */
const STATES: ReadonlyMap<string, readonly [state: string, expected: string]> = new Map([
  ["WRONGPASS", ["the user or password is wrong", "those of a user of the server"]],
  ["NOAUTH", ["the server asks for a password", "REDIS_PASSWORD, and REDIS_USERNAME where needed"]],
  ["NOPERM", ["the user may not do this", "an ACL rule that allows it"]],
  ["READONLY", ["the server is a read-only replica", "the master"]],
  ["OOM", ["its memory is used up", "free memory or a higher maxmemory"]],
  ["LOADING", ["it is loading its data", "a server that is ready"]],
  ["MISCONF", ["it refuses writes since it cannot save to disk", "a working disk"]],
  ["MASTERDOWN", ["the replica has lost its master", "the master"]],
  ["NOREPLICAS", ["too few replicas follow it", "enough replicas"]],
  ["CLUSTERDOWN", ["the cluster is down", "a cluster that serves all slots"]],
  ["TRYAGAIN", ["the slot is on its way to another node", "the end of its migration"]],
  ["MOVED", ["the slot has moved to another node", "a client for clusters"]],
  ["ASK", ["the slot is on its way to another node", "a client for clusters"]],
  ["DBRANGE", ["there is no such database", "a number that the server has"]],
  ["TIMEOUT", ["there was no answer in time", "one"]],
]);

/** By the code of a system error. */
const SYSTEM: ReadonlyMap<string, readonly [state: string, expected: string]> = new Map([
  ["ECONNREFUSED", ["nobody listens there", "a Redis server"]],
  ["ENOTFOUND", ["the host name is not known", "a host that exists"]],
  ["EAI_AGAIN", ["the host name cannot be looked up now", "a working name server"]],
  ["ETIMEDOUT", ["there was no answer in time", "a Redis server"]],
  ["EHOSTUNREACH", ["there is no way to the host", "a host that can be reached"]],
  ["ENETUNREACH", ["there is no way to the host", "a host that can be reached"]],
]);

/** Replies to a wrong or missing password. */
const AUTH: ReadonlySet<string> = new Set(["WRONGPASS", "NOAUTH"]);

const CUT = /closed|connection close|ECONNRESET|EPIPE|write after end|isn't writeable/i;

/** Messages of our own. */
const OWN = /^(VERSION .*|LOADING|READONLY|command timed out|not connected|closed)$/;

/** Makes the errors of one connection. @param target What could not be reached: `host:port/db` */
export function redisErrors(target: string, secrets: readonly string[] = []): RedisErrors {
  const hidden = secrets.filter((secret) => secret !== "")
    .flatMap((secret) => [secret, encodeURIComponent(secret)]);
  // A server that does not know AUTH repeats its arguments.
  const clean = (text: string): string =>
    hidden.reduce((text, secret) => text.replaceAll(secret, "***"), text);
  const make = (action: string, error: unknown): StorageError => {
    if (error instanceof StorageError) return error;
    const message = clean(messageOf(error));
    const code = codeOf(error, message);
    const [state, expected] = describe(message, code);
    // What neither the server nor the system said is in the state already.
    const told = OWN.test(message) ? state : `${state} (${oneLine(message)})`;
    return new StorageError(
      `Cannot ${action} Redis at ${JSON.stringify(target)}: ${told}, expected ${expected}`,
      target,
      { cause: new RedisReplyError(code, message) },
    );
  };
  return {
    connecting: (error) => make("connect to", error),
    command: (error) => make("use", error),
  };
}

/** Where in which script it happened is no news to who reads the log, and makes equal lines differ. */
function oneLine(text: string): string {
  return text.replace(/ script: \w+, on @\w+:\d+\.?$/, "").replace(/\s+/g, " ").slice(0, 300);
}

function codeOf(error: unknown, message: string): string {
  if (/DB index is out of range/.test(message)) return "DBRANGE";
  if (/executing the script can't/.test(message)) return "NOPERM";
  if (message === TIMED_OUT) return "TIMEOUT";
  // Sentinels and clusters give the last node's error inside of a longer text.
  const reply = /(?:^|: |because |Last error: (?:ReplyError: )?)([A-Z]{2,})\b/.exec(message)?.[1];
  if (reply !== undefined && STATES.has(reply)) return reply;
  const system = /\b(E[A-Z_]{4,})\b/.exec(message)?.[1];
  if (system !== undefined && SYSTEM.has(system)) return system;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "";
}

/** What a cluster's client says when it asked all nodes in vain, before the error of the last one. */
const ALL_NODES = "no node of the cluster gave its slots";

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { lastNodeError } = error as { lastNodeError?: unknown };
  return lastNodeError instanceof Error ? `${ALL_NODES}: ${lastNodeError.message}` : error.message;
}

function describe(message: string, code: string): readonly [state: string, expected: string] {
  const sentinel = /sentinel/i.test(message);
  if (sentinel && AUTH.has(code)) {
    return ["the Sentinels refuse the password", "REDIS_SENTINEL_PASSWORD as they have it"];
  }
  const known = STATES.get(code) ?? SYSTEM.get(code);
  if (known !== undefined) return known;
  const version = /^VERSION (\S+)/.exec(message)?.[1];
  if (version !== undefined) return [`its version is ${JSON.stringify(version)}`, "5.0 or later"];
  if (message === NOT_CONNECTED) return ["there is no connection yet", "one"];
  if (/certificate|self[- ]signed|issuer/i.test(message)) {
    return ["its certificate is not trusted", "one that REDIS_SSL_CAFILE or the system trusts"];
  }
  if (sentinel && /invalid reply: null|No such master/.test(message)) {
    return ["the Sentinels know no such master", "the name they have for it"];
  }
  if (sentinel) return ["no Sentinel answers", "one that does"];
  if (/cluster support disabled/.test(message)) {
    return ["it is not a cluster", "nodes of a cluster, or REDIS_HOST"];
  }
  if (message.startsWith(ALL_NODES) || /startup nodes/.test(message)) {
    return ["no node of the cluster answers", "one that does"];
  }
  if (CUT.test(message)) return ["the connection was cut", "a lasting one"];
  return ["it answers with an error", "none"];
}
