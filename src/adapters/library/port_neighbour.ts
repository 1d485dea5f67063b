/**
 * Who has the port that the metrics are to be served on: another isolate, thread or process of the
 * same service, or a program that has nothing to do with it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import http from "node:http";
import { resolve } from "node:path";
import { clearTimeout, setTimeout } from "node:timers";
import type { Address } from "../../config/config.ts";
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

/**
 * A name for a storage that is the same in all processes, and tells strangers nothing. A directory is
 * what it is on the machine: containers that share a port may each have another one of that path.
 */
export function nameStorage({ place, fields }: Pick<Storage, "place" | "fields">): string {
  const text = place.kind === "directory"
    ? identify(place.directory)
    : `${fields.redis} ${redisPrefix(place.redis)}`;
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function identify(directory: string): string {
  try {
    const { dev, ino } = statSync(directory);
    return `${dev} ${ino}`;
  } catch {
    return resolve(directory); // not there yet, or not to be looked at: the path is all there is
  }
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
function askName({ hostname, port }: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    // Not with fetch(), which asks a proxy of the environment. Without an answer nobody is there, is
    // just starting, or speaks something else: counted by the caller.
    const asked = http.get({ hostname, port, path: "/healthz", agent: false }, (response) => {
      const name = response.headers[STORAGE_HEADER];
      end(typeof name === "string" ? name : "");
    });
    const timer = setTimeout(() => end(undefined), TIMEOUT_MS);
    const end = (name: string | undefined): void => {
      clearTimeout(timer);
      asked.destroy();
      resolve(name);
    };
    asked.on("error", () => end(undefined));
  });
}
