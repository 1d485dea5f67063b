/**
 * Commands and scripts through a client; on a cluster also while slots move from node to node.
 *
 * @module
 */
import type { RedisCommand, RedisScript } from "./connection.ts";
import type { RedisClient } from "./redis_client.ts";

/**
 * So many commands go in one round trip. For each the client keeps some kilobytes until the last reply:
 * a list of families that somebody else has filled must not take all memory.
 */
const MOST_AT_ONCE = 10_000;

/**
 * Sends commands in one round trip; very many in several.
 *
 * @returns The replies; errors in their places.
 * @throws {Error} when there are no replies
 */
export async function sendCommands(
  client: RedisClient,
  commands: readonly RedisCommand[],
): Promise<unknown[]> {
  if (commands.length <= MOST_AT_ONCE) return await sendAtOnce(client, commands);
  const replies: unknown[] = [];
  for (let from = 0; from < commands.length; from += MOST_AT_ONCE) {
    const some = await sendAtOnce(client, commands.slice(from, from + MOST_AT_ONCE));
    for (const reply of some) replies.push(reply);
  }
  return replies;
}

async function sendAtOnce(
  client: RedisClient,
  commands: readonly RedisCommand[],
): Promise<unknown[]> {
  const pipeline = client.pipeline();
  // When some reads of a pipeline were redirected, ioredis sends all of it again to that other node,
  // where those that had an answer find nothing. It does not once a command that is no read succeeded.
  if (client.isCluster) pipeline.call("PING");
  for (const [name, ...args] of commands) pipeline.call(name, ...args);
  const replies = (await pipeline.exec() ?? []).map(([error, result]) => error ?? result);
  const cut = replies.find((reply) => reply instanceof Error && !isReply(reply));
  if (cut !== undefined) throw cut;
  return client.isCluster ? await followRedirections(client, commands, replies.slice(1)) : replies;
}

/** Runs a script by its hash; the server gets the text when it does not know it. */
export async function runScript(
  client: RedisClient,
  { sha, lua }: RedisScript,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args];
  try {
    // An array: there may be more than a call can have arguments.
    return await client.call("EVALSHA", [sha, ...rest]);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return await client.call("EVAL", [lua, ...rest]);
  }
}

/**
 * From the first redirected command on they are sent one after the other, each where it belongs:
 * who reads a generation before and after the rest relies on the order.
 */
async function followRedirections(
  client: RedisClient,
  commands: readonly RedisCommand[],
  replies: unknown[],
): Promise<unknown[]> {
  const first = replies.findIndex((reply) =>
    reply instanceof Error && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /.test(reply.message)
  );
  if (first === -1) return replies;
  for (const [index, [name, ...args]] of commands.entries()) {
    if (index < first) continue;
    try {
      replies[index] = await client.call(name, args);
    } catch (error) {
      if (!isReply(error)) throw error;
      replies[index] = error;
    }
  }
  return replies;
}

/** Whether the server answered; a cluster's client says so when it gave up after many redirections. */
function isReply(error: unknown): boolean {
  return error instanceof Error &&
    (error.name === "ReplyError" || /redirections.*ReplyError/.test(error.message));
}
