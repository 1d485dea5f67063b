/**
 * What is used of a client of `npm:ioredis`.
 *
 * @module
 */

/** `Redis` and `Cluster` of ioredis have this. */
export interface RedisClient {
  /** `"ready"` while commands can be sent. */
  readonly status: string;
  /** How it was made. `keyPrefix`: what it puts before the names of keys by itself. */
  readonly options?: { readonly keyPrefix?: string | undefined };
  /** Whether it is a client for a cluster. */
  readonly isCluster?: boolean;
  /** Connects; rejects when that fails. */
  connect(): Promise<void>;
  /** Sends a command. */
  call(command: string, args: string[]): Promise<unknown>;
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
