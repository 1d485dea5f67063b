/** Connections to a server of a test. */
import { awaitConnection, connectRedis } from "../../src/storage/redis/connect.ts";
import type { RedisConnection } from "../../src/storage/redis/connection.ts";
import type { RedisOptions } from "../../src/storage/redis/options.ts";

/** Connects to a server on this host. */
export async function openConnection(
  { port }: { readonly port: number },
  options: Omit<RedisOptions, "host" | "port"> = {},
): Promise<RedisConnection> {
  const connection = connectRedis({ ...options, host: "127.0.0.1", port });
  await awaitConnection(connection);
  return connection;
}
