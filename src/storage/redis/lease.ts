/**
 * The lease: who retires writers. Each script of its holder looks whether it still is, and renews it.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { StorageError } from "../../core/errors.ts";
import {
  expectReplies,
  type RedisConnection,
  type RedisScript,
  redisScript,
} from "./connection.ts";
import type { RedisKeys } from "./keys.ts";
import { CATALOGUE_LIVES } from "./renewal.ts";

/** How long a holder that stopped keeps others waiting. */
const LEASE_MS = 30_000;

/**
 * The beginning of a holder's script, which ends it when the lease is lost: nothing is done then.
 *
 * ```text
 * KEYS  1 lease
 * ARGV  1 its token, 2 its life in ms, 3 life of data in ms ("0": for ever), 4 life of the catalogue
 * ```
 *
 * `keep(key, life)` renews the life of a key.
 */
export const LUA_HOLD_LEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local function keep(key, life)
  if life ~= '0' then redis.call('PEXPIRE', key, life) else redis.call('PERSIST', key) end
end
`;

/** Somebody else has the lease by now: this process must not go on. */
export class LeaseLost extends Error {}

const RELEASE = redisScript(
  "release lease",
  `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
`,
);

/** The lease, in the hands of this process. */
export interface Lease {
  /**
   * Runs a holder's script; what is given comes after the lease's key and arguments.
   *
   * @throws {LeaseLost} Nothing was done then.
   * @throws {StorageError}
   */
  run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Gives it back, if it is still ours. @throws {StorageError} */
  release(): Promise<void>;
}

/**
 * Takes the lease.
 *
 * @param dataLifeMs How long data lives without renewal, in milliseconds; 0 = for ever.
 * @returns `undefined` when somebody else has it.
 * @throws {StorageError} When the server cannot be asked, or nobody can ever have the lease.
 */
export async function takeLease(
  connection: RedisConnection,
  keys: RedisKeys,
  dataLifeMs: number,
): Promise<Lease | undefined> {
  const token = randomUUID();
  const lives = [String(dataLifeMs), String(dataLifeMs * CATALOGUE_LIVES)];
  const release = async (): Promise<void> => {
    await connection.run(RELEASE, [keys.lease], [token]);
  };
  let taken: unknown;
  let leftMs: unknown;
  try {
    [taken, leftMs] = expectReplies(
      await connection.send([
        ["SET", keys.lease, token, "PX", String(LEASE_MS), "NX"],
        ["PTTL", keys.lease],
      ]),
    );
  } catch (error) {
    await release().catch(() => {}); // a lost reply: what was taken lapses by itself
    throw error;
  }
  if (taken === "OK") {
    return {
      async run(script, scriptKeys, args) {
        const reply = await connection.run(
          script,
          [keys.lease, ...scriptKeys],
          [token, String(LEASE_MS), ...lives, ...args],
        );
        if (reply === "lost") throw new LeaseLost("the lease of retiring is somebody else's");
        return reply;
      },
      release,
    };
  }
  if (leftMs === -1) {
    throw new StorageError(
      `Cannot retire writers: key ${JSON.stringify(keys.lease)} never expires, expected a lease`,
      keys.lease,
    );
  }
  return undefined;
}
