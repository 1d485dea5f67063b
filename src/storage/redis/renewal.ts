/**
 * Keeps the keys of a service alive: those of a deployment that is gone disappear by themselves.
 *
 * @module
 */
import { expectReplies, type RedisCommand, type RedisConnection } from "./connection.ts";
import { parseFamily, type RedisKeys, RETIRED_WRITER } from "./keys.ts";

/** Most commands sent at once. */
const BATCH = 1000;

/**
 * How long what all writers share lives, compared with data. It says whether data was lost, so it has
 * to outlive all accumulators, also those that are made as late as writers' data is there to be folded.
 */
export const CATALOGUE_LIVES = 2;

/**
 * Renews the life of the catalogue, of all accumulators and of a writer's own families.
 *
 * @param own The texts of the writer's families.
 * @param lifeMs How long data lives without renewal, in milliseconds; not 0.
 * @returns How many commands were sent.
 * @throws {StorageError} when there is no answer, or an error
 */
export async function renewLives(
  connection: RedisConnection,
  keys: RedisKeys,
  own: readonly string[],
  lifeMs: number,
): Promise<number> {
  const [members] = expectReplies(await connection.send([["SMEMBERS", keys.families]]));
  const accumulators = (Array.isArray(members) ? members.map(String) : [])
    .filter((text) => parseFamily(text)?.writer === RETIRED_WRITER);
  const life = String(lifeMs);
  const catalogueLife = String(lifeMs * CATALOGUE_LIVES);
  const commands: RedisCommand[] = [
    ...[keys.epoch, keys.generation, keys.writers, keys.families]
      .map((key) => ["PEXPIRE", key, catalogueLife] as const),
    ...[...own, ...accumulators]
      .flatMap((family) => [keys.data(family), keys.meta(family)])
      .map((key) => ["PEXPIRE", key, life] as const),
  ];
  for (let from = 0; from < commands.length; from += BATCH) {
    expectReplies(await connection.send(commands.slice(from, from + BATCH)));
  }
  return commands.length + 1;
}
