/**
 * Reads what the server holds of one writer, to go on from there after older data came back.
 *
 * @module
 */
import { expectReplies, type RedisConnection } from "./connection.ts";
import type { FamilyCells } from "./family_cells.ts";
import { formatFamily, type RedisKeys } from "./keys.ts";

/** What the server holds of a writer. */
export interface StoredValues {
  /** The number of its last script. */
  readonly sequence: number;
  /** Its value texts, by family and sample key. */
  readonly texts: ReadonlyMap<FamilyCells, ReadonlyMap<string, string>>;
}

/**
 * Reads the values of a writer's families.
 *
 * @param epoch The data they must belong to.
 * @returns `undefined` when they cannot be taken for one state: the writer was retired or wrote
 * meanwhile, or the data is of another epoch.
 * @throws {StorageError} when there is no answer
 */
export async function readStoredValues(
  connection: RedisConnection,
  keys: RedisKeys,
  writer: string,
  families: readonly FamilyCells[],
  epoch: string,
): Promise<StoredValues | undefined> {
  const dataKeys = families.map(({ kind, mode, hash }) =>
    keys.data(formatFamily({ kind, mode, writer, hash }))
  );
  // Whoever retires a writer makes its tombstone first: where there is none in the end, nothing had
  // been taken away.
  const replies = await connection.send([
    ["GET", keys.sequence(writer)],
    ...dataKeys.map((key) => ["HGETALL", key] as const),
    ["GET", keys.sequence(writer)],
    ["GET", keys.epoch],
    ["EXISTS", keys.tombstone(writer)],
  ]);
  const [first, last, found, tombstone] = expectReplies([replies[0], ...replies.slice(-3)]);
  if (first !== last || found !== epoch || tombstone !== 0) return undefined;
  const texts = new Map(families.map((cells, i) => [cells, textsOf(replies[i + 1])]));
  return { sequence: Number(first ?? 0), texts };
}

/** The fields of a hash; of somebody else's key, none. */
function textsOf(reply: unknown): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  if (!Array.isArray(reply)) return texts;
  for (let i = 0; i + 1 < reply.length; i += 2) texts.set(String(reply[i]), String(reply[i + 1]));
  return texts;
}
