/** What tests do to the Redis server of a running service. */
import { testRedis } from "../support/redis_client.ts";

/** Sends commands on a connection of their own. @throws {Error} when a reply is an error */
export async function redisCommands(
  port: number,
  ...commands: readonly (readonly [command: string, ...args: string[]])[]
): Promise<readonly unknown[]> {
  await using redis = testRedis(port);
  const replies: unknown[] = [];
  for (const [command, ...args] of commands) replies.push(await redis.call(command, ...args));
  return replies;
}

/** All keys of the server, sorted. */
export async function redisKeysIn(port: number): Promise<string[]> {
  const [keys] = await redisCommands(port, ["KEYS", "*"]);
  return (keys as string[]).sort();
}
