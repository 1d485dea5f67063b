/**
 * Offices: what one process at a time does with a directory, whether or not its runtime can lock files.
 *
 * Those who have locks lock `<office>.lock` first, which decides at once among them. Then they, and
 * those without locks, do the same:
 *
 * 1. They make a file of their own, `<office>_<random>.lock`, which proves that they live.
 * 2. They look for such files of others, and give way to whoever lives or might live.
 *
 * Of two who do so at the same time, the one whose file comes second sees the first; it may be that
 * both see each other and give way, and try again. What was left by who is dead is removed: nobody
 * uses its name again, so that nothing else can be removed by mistake.
 *
 * @module
 */
import { closeSync, constants, linkSync, lstatSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { makeClaim, readClaim } from "./claim_file.ts";
import { errorCode, isOutOfSpace, removeQuietly } from "./file_errors.ts";
import { holderFileName, type Office, parseHolderFileName } from "./file_format.ts";
import { judgeClaim } from "./liveness.ts";
import type { FileLock, FilePrimitives } from "./primitives.ts";

/** Why an office could not be had. */
export interface Denial {
  /** Whether somebody certainly has it; else they may only be trying, as we do. */
  readonly certain: boolean;
  /** The process that has it or tries, where that is known. */
  readonly pid?: number;
  /** Its file, where it cannot be known whether the process lives. */
  readonly unknown?: string;
}

/** The path of the file that is locked for an office. Never unlinked. */
export function officePath(directory: string, office: Office): string {
  return join(directory, `${office}.lock`);
}

/** Makes the file that is locked, where it is missing. @throws {Error} As of `node:fs` */
export function prepareOffice(directory: string, office: Office): void {
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  closeSync(openSync(officePath(directory, office), flags, 0o644));
}

/**
 * Takes an office, without waiting. It ends with the process, however that ends.
 *
 * @returns Why it cannot be had, where it cannot.
 * @throws {Error} As of `node:fs`, when the file to be locked is missing or may not be written to.
 */
export function takeOffice(
  directory: string,
  office: Office,
  primitives: FilePrimitives,
): FileLock | Denial {
  const lock = primitives.locks?.lock(officePath(directory, office));
  if (primitives.locks !== undefined && lock === undefined) return { certain: true };
  let own: Announcement | undefined;
  let taken = false;
  const release = (): void => {
    own?.release();
    lock?.release();
  };
  try {
    own = announce(directory, office, primitives, lock !== undefined);
    const denial = own && findOther(directory, office, own.name, primitives);
    if (own === undefined || denial !== undefined) return denial ?? { certain: false };
    taken = true;
    return { release };
  } finally {
    if (!taken) release();
  }
}

/** Whether an office was taken. */
export function isTaken(result: FileLock | Denial): result is FileLock {
  return "release" in result;
}

/** How long those who only try are in the way, at the most, and how often is looked, in milliseconds. */
const TRYING_MS = 500;
const LOOK_MS = 10;

/**
 * Takes an office, waiting until those are gone who only tried or have just died, or, with a limit in
 * milliseconds, until whoever has it gives it back.
 */
export async function waitForOffice(
  directory: string,
  office: Office,
  primitives: FilePrimitives,
  limitMs?: number,
): Promise<FileLock | Denial> {
  const end = performance.now() + (limitMs ?? TRYING_MS);
  for (;;) {
    const result = takeOffice(directory, office, primitives);
    const isFinal = isTaken(result) || (result.certain && limitMs === undefined);
    if (isFinal || performance.now() > end) return result;
    // At random, so that two who gave way to each other do not meet again.
    await setTimeout(LOOK_MS * (0.5 + Math.random()));
  }
}

interface Announcement extends FileLock {
  readonly name: string;
}

function announce(
  directory: string,
  office: Office,
  primitives: FilePrimitives,
  isLocked: boolean,
): Announcement | undefined {
  const name = holderFileName(office);
  const path = join(directory, name);
  try {
    const link = (temporary: string): void => linkSync(temporary, path);
    const claim = makeClaim(directory, name, primitives, {}, link);
    return claim && {
      name,
      release() {
        removeQuietly(path);
        claim.release();
      },
    };
  } catch (error) {
    if (!isLocked || !isOutOfSpace(error)) throw error;
    // Retiring makes room, so it has to be done on a full disk too. A second name takes none; it
    // says nothing of its owner, so that those without locks give way.
    linkSync(officePath(directory, office), path);
    return { name, release: () => removeQuietly(path) };
  }
}

function findOther(
  directory: string,
  office: Office,
  own: string,
  primitives: FilePrimitives,
): Denial | undefined {
  const { locks } = primitives;
  const locked = locks && lstatSync(officePath(directory, office)).ino;
  for (const name of readdirSync(directory)) {
    if (name === own || parseHolderFileName(name) !== office) continue;
    const denial = denialBy(directory, name, primitives, locked);
    if (denial !== undefined) return denial;
  }
  return undefined;
}

/**
 * The offices that somebody has, or might have, as far as one can see who has no locks.
 *
 * @throws {Error} As of `node:fs`, when the directory cannot be read.
 */
export function officesInUse(directory: string, primitives: FilePrimitives): ReadonlySet<Office> {
  const offices = new Set<Office>();
  for (const name of readdirSync(directory)) {
    const office = parseHolderFileName(name);
    if (office === undefined || offices.has(office)) continue;
    if (denialBy(directory, name, primitives) !== undefined) offices.add(office);
  }
  return offices;
}

/**
 * What the file of a holder says against taking its office; what says nothing is removed.
 *
 * @param locked Inode of the file that is locked for the office, where we have the lock.
 */
function denialBy(
  directory: string,
  name: string,
  primitives: FilePrimitives,
  locked?: number,
): Denial | undefined {
  const path = join(directory, name);
  try {
    const { ino } = lstatSync(path);
    // That of somebody who had the lock before us says nothing.
    if (ino !== locked) {
      const record = readClaim(path);
      const { pid } = record;
      const liveness = judgeClaim(path, record, ino, primitives);
      if (liveness === "live") return { certain: false, pid };
      if (liveness === "unknown") return { certain: false, pid, unknown: name };
    }
    removeQuietly(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") return { certain: false, unknown: name };
  }
  return undefined;
}
