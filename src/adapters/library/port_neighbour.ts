/**
 * Who has the port that the metrics are to be served on: another isolate, thread or process of the
 * same service, or a program that has nothing to do with it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { clearTimeout, setTimeout } from "node:timers";
import type { Address } from "../../config/config.ts";
import { formatAddress } from "../../config/parsers.ts";
import { redisPrefix } from "../../storage/redis/options.ts";
import type { Storage } from "../storage/storage.ts";

/** The header of `/healthz` that names the storage which is shown. */
export const STORAGE_HEADER = "gpe-storage";

/** Who is just starting does not answer yet. */
const MAX_SILENT = 3;

/** A neighbour is not asked again for this many turns. */
const TRUSTED_TURNS = 30;

/** An answer comes from this machine. It must not hold up the end of the process. */
const TIMEOUT_MS = 500;

/** A name for a storage that is the same in all processes, and tells strangers nothing. */
export function nameStorage({ place, fields }: Pick<Storage, "place" | "fields">): string {
  const text = place.kind === "directory"
    ? resolve(place.directory)
    : `${fields.redis} ${redisPrefix(place.redis)}`;
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/**
 * Makes a function that says, turn by turn, whether somebody with the same storage has the port:
 * false when somebody else has it; `undefined` as long as that is not known.
 *
 * @param name Gives the name of the storage here.
 */
export function createNeighbourCheck(
  address: Address,
  name: () => string,
): () => Promise<boolean | undefined> {
  let silent = 0;
  let trusted = 0;
  return async () => {
    if (trusted > 0) {
      trusted--;
      return true;
    }
    const answer = await askName(address);
    if (answer === undefined) return ++silent < MAX_SILENT ? undefined : false;
    silent = 0;
    if (answer !== name()) return false;
    trusted = TRUSTED_TURNS;
    return true;
  };
}

/** What the one who has the port shows: "" for no storage of ours, `undefined` without an answer. */
async function askName(address: Address): Promise<string | undefined> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(`http://${formatAddress(address)}/healthz`, {
      signal: abort.signal,
      redirect: "manual",
    });
    await response.body?.cancel();
    return response.headers.get(STORAGE_HEADER) ?? "";
  } catch {
    return undefined; // gone, starting, or speaks something else: counted by the caller
  } finally {
    clearTimeout(timer);
  }
}
