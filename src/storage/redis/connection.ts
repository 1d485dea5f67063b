/**
 * What the driver needs of a Redis client: pipelines and scripts.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** A command: its name and arguments. */
export type RedisCommand = readonly [name: string, ...args: readonly string[]];

/** A Lua script. */
export interface RedisScript {
  /** What it does, for log lines. */
  readonly name: string;
  /** The program. */
  readonly lua: string;
  /** Its SHA-1, by which the server knows it. */
  readonly sha: string;
}

/** Makes a script of a program. */
export function redisScript(name: string, lua: string): RedisScript {
  return { name, lua, sha: createHash("sha1").update(lua).digest("hex") };
}

/** A connection to a server, a Sentinel group or a cluster. It connects anew by itself. */
export interface RedisConnection extends AsyncDisposable {
  /** Since when the server answers, in milliseconds of `performance.now()`; `undefined` while it does not. */
  readonly connectedSince: number | undefined;
  /** What does not work at the moment, one line without secrets; it has been logged. */
  readonly problem: string | undefined;
  /**
   * Sends commands in one round trip. Never waits longer than the connection's limit.
   *
   * @returns The replies, in order; in the place of a reply that is an error, a {@linkcode StorageError}.
   * @throws {StorageError} when there is no connection or no answer in time; what the server did then
   * is unknown
   */
  send(commands: readonly RedisCommand[]): Promise<readonly unknown[]>;
  /**
   * Runs a script in one round trip, two when the server sees it for the first time.
   *
   * @throws {StorageError} as {@linkcode RedisConnection.send}, and when the reply is an error
   */
  run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

/** The replies as they are. @throws {StorageError} when one of them is an error: the first */
export function expectReplies(replies: readonly unknown[]): readonly unknown[] {
  const failed = replies.find((reply) => reply instanceof Error);
  if (failed !== undefined) throw failed;
  return replies;
}
