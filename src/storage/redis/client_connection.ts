/**
 * A connection through a client of `npm:ioredis`: `Redis` (one server, or a Sentinel group) or
 * `Cluster`.
 *
 * @module
 */
import { StorageError } from "../../core/errors.ts";
import type { RedisCommand, RedisConnection, RedisScript } from "./connection.ts";

/** What is used of a client; `Redis` and `Cluster` of ioredis have it. */
export interface RedisClient {
  /** `"ready"` while commands can be sent. */
  readonly status: string;
  /** Sends a command. */
  call(command: string, ...args: string[]): Promise<unknown>;
  /** Begins a pipeline. */
  pipeline(): RedisPipeline;
  /** Ends the connection. @param reconnect Whether to connect anew */
  disconnect(reconnect?: boolean): void;
  /** Adds a listener. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Removes a listener. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** A pipeline of a client. */
export interface RedisPipeline {
  /** Adds a command. */
  call(command: string, ...args: string[]): unknown;
  /** Sends all of them. */
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/** Makes a connection of a client, which it closes in the end. */
export function clientConnection(client: RedisClient): RedisConnection {
  let connectedSince = client.status === "ready" ? performance.now() : undefined;
  client.on("ready", () => connectedSince = performance.now());
  client.on("close", () => connectedSince = undefined);
  client.on("error", () => {});
  const failure = (error: unknown): StorageError =>
    new StorageError(
      `Cannot reach Redis: ${error instanceof Error ? error.message : error}`,
      "redis",
      { cause: error },
    );
  return {
    get connectedSince() {
      return connectedSince;
    },
    async send(commands: readonly RedisCommand[]) {
      if (commands.length === 0) return [];
      const pipeline = client.pipeline();
      for (const [name, ...args] of commands) pipeline.call(name, ...args);
      let replies: [Error | null, unknown][];
      try {
        replies = await pipeline.exec() ?? [];
      } catch (error) {
        throw failure(error);
      }
      return replies.map(([error, result]) => error === null ? result : failure(error));
    },
    async run({ sha, lua }: RedisScript, keys, args) {
      const rest = [String(keys.length), ...keys, ...args];
      try {
        try {
          return await client.call("EVALSHA", sha, ...rest);
        } catch (error) {
          if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
          return await client.call("EVAL", lua, ...rest);
        }
      } catch (error) {
        throw failure(error);
      }
    },
    [Symbol.asyncDispose]() {
      client.disconnect();
      return Promise.resolve();
    },
  };
}
