/** A connection under test, and what it logs. */
import type { Log, LogLevel } from "../../../src/core/log.ts";
import { connectRedis } from "../../../src/storage/redis/connect.ts";
import type { RedisConnection } from "../../../src/storage/redis/connection.ts";
import type { RedisOptions } from "../../../src/storage/redis/options.ts";
import { waitFor } from "../../support/wait_for.ts";

/** A connection, and what it has logged. */
export interface ConnectionScene extends AsyncDisposable {
  /** The connection. */
  readonly connection: RedisConnection;
  /** The lines, each after its level. */
  readonly lines: readonly string[];
  /** Waits until the server has answered. */
  connected(): Promise<void>;
  /** Waits until there is a problem that matches. */
  problem(pattern: RegExp): Promise<string>;
}

/** Connects in the background. */
export function connectionScene(options: RedisOptions): ConnectionScene {
  const lines: string[] = [];
  const at = (level: LogLevel) => (message: string): void => void lines.push(`${level} ${message}`);
  const log: Log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const connection = connectRedis({ commandTimeoutMs: 20_000, log, ...options });
  const what = (): string => `the connection; its problem is ${connection.problem}`;
  return {
    connection,
    lines,
    async connected() {
      await waitFor(() => connection.connectedSince !== undefined, { what });
    },
    problem: (pattern) =>
      waitFor(() => pattern.test(connection.problem ?? "") && connection.problem, {
        what: () => `a problem that matches ${pattern}; it is ${connection.problem}`,
      }),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
