/**
 * Whether a server can be used, asked once for each connection.
 *
 * @module
 */
import type { RedisClient } from "./redis_client.ts";

/** The oldest server that has what the scripts need: it replicates their effects, not themselves. */
const OLDEST_MAJOR = 5;

/**
 * Looks at a server. What the user may not ask is not known and does no harm.
 *
 * @param masterOnly Whether a replica is refused: a Sentinel may name one for a moment.
 * @returns Why it cannot be used; `undefined` when it can
 * @throws {Error} when there is no answer
 */
export async function refuseServer(
  client: RedisClient,
  masterOnly: boolean,
): Promise<Error | undefined> {
  const pipeline = client.pipeline();
  // One section at a time: servers before 7.0 take no more.
  for (const section of ["server", "persistence", "replication"]) pipeline.call("INFO", section);
  let info = "";
  for (const [error, text] of await pipeline.exec() ?? []) {
    if (error === null) info += `${text}\r\n`;
    else if (error.name !== "ReplyError") throw error;
    else if (error.message.startsWith("NOAUTH")) return error;
  }
  const [, version, major] = /^redis_version:((\d+)\S*)/m.exec(info) ?? [];
  if (Number(major) < OLDEST_MAJOR) return new Error(`VERSION ${version}`);
  if (/^loading:1/m.test(info)) return new Error("LOADING");
  if (masterOnly && /^role:slave/m.test(info)) return new Error("READONLY");
  return undefined;
}
