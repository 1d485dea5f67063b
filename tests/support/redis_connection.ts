/** Connections to a server of a test. */
import { Redis } from "npm:ioredis@^6.0.0";
import { clientConnection, type RedisClient } from "../../src/storage/redis/client_connection.ts";
import type { RedisConnection } from "../../src/storage/redis/connection.ts";
import { waitFor } from "./wait_for.ts";

export async function openConnection(
  { port }: { readonly port: number },
): Promise<RedisConnection> {
  const connection = clientConnection(new Redis(port, "127.0.0.1") as unknown as RedisClient);
  await waitFor(() => connection.connectedSince !== undefined);
  return connection;
}
