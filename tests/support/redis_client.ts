/** Sends commands to a Redis server of a test. */
import { awaitConnection, connectRedis } from "../../src/storage/redis/connect.ts";
import { type RedisCommand, expectReplies } from "../../src/storage/redis/connection.ts";

/** Sends commands on a connection of their own. @throws {Error} when a reply is an error */
export async function redisCommands(
  port: number,
  ...commands: readonly RedisCommand[]
): Promise<readonly unknown[]> {
  await using connection = connectRedis({ host: "127.0.0.1", port });
  await awaitConnection(connection);
  return expectReplies(await connection.send(commands));
}

/** All keys of the server, sorted. */
export async function redisKeysIn(port: number): Promise<string[]> {
  const [keys] = await redisCommands(port, ["KEYS", "*"]);
  return (keys as string[]).sort();
}
