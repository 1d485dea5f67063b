/** A client for what tests themselves do to a Redis server. */
import { Redis } from "npm:ioredis@^6.0.0";

/** A connected client; `await using` closes it. */
export interface TestRedis extends AsyncDisposable {
  /** Sends a command. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

/** Connects to a server on 127.0.0.1. */
export function testRedis(
  port: number,
  options: { readonly db?: number; readonly username?: string; readonly password?: string } = {},
): TestRedis {
  const client = new Redis({ host: "127.0.0.1", port, protocol: 2, ...options });
  // Servers are killed in tests; commands fail then, and say so.
  client.on("error", () => {});
  return {
    call: (command, ...args) => client.call(command, ...args),
    async [Symbol.asyncDispose]() {
      if (client.status === "end") return;
      const ended = new Promise((resolve) => client.once("end", resolve));
      client.disconnect();
      await ended;
    },
  };
}
