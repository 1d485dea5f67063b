/**
 * Claim files: each stands for somebody who lives, a writer for example, and says how that is proved.
 *
 * It is written, and locked or held open, under a temporary name and then linked to its own: nobody
 * ever sees one that is incomplete or whose owner seems dead.
 *
 * @module
 */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FORMAT_VERSION, temporaryName } from "./file_format.ts";
import { errorCode, removeQuietly } from "./file_errors.ts";
import type { FilePrimitives } from "./primitives.ts";
import type { ProcessIdentity } from "./process_identity.ts";

/** What a claim file says, as JSON. */
export interface ClaimRecord {
  /** The owner's process. */
  readonly pid: number;
  /** When the process started, in clock ticks since boot; `null` when unknown. */
  readonly startTicks: number | null;
  /** The boot it ran in; `null` when unknown. */
  readonly bootId: string | null;
  /** Inode of its pid namespace; `null` when unknown. */
  readonly pidNamespace: number | null;
  /** {@linkcode FORMAT_VERSION} of the owner. */
  readonly formatVersion: number;
  /** How life is proved: by the lock on this file, or by pid and start time. */
  readonly liveness: "flock" | "pid";
  /**
   * Under which descriptor, and which name, a process without locks has this file open as long as the
   * owner, who may be a thread, lives. Missing where the system does not tell such things.
   */
  readonly open?: OpenFile;
  /** Whether the owner has said that it has ended. Not part of the JSON: it is added at the end. */
  readonly ended?: boolean;
}

/** A file that a process has open. */
export interface OpenFile {
  /** The descriptor. */
  readonly descriptor: number;
  /** The name it was opened by, which is nobody else's. */
  readonly name: string;
}

/** A claim file of one's own. */
export interface Claim {
  /** Says that its owner has ended; the file stays. */
  release(): void;
}

/** What is added to the record of an owner who has no lock to give back. */
const ENDED = "ended\n";

/**
 * Makes a claim file.
 *
 * @param name For the temporary name.
 * @param details What the record has beyond {@linkcode ClaimRecord}.
 * @param link Links the temporary path to where the file is to be.
 * @returns `undefined` when somebody cleaned the temporary file away meanwhile, or was looking at it.
 * @throws {Error} As of `node:fs`, when the directory cannot be written to, and of `link`.
 */
export function makeClaim<T>(
  directory: string,
  name: string,
  primitives: FilePrimitives,
  details: object,
  link: (temporary: string) => T,
): Claim & { readonly linked: T } | undefined {
  const temporary = temporaryName(name);
  const path = join(directory, temporary);
  const record = { ...describeProcess(primitives.identity), formatVersion: FORMAT_VERSION };
  let owned: Claim | undefined;
  const { locks } = primitives;
  if (locks === undefined) owned = heldOpen(path, temporary, primitives.identity, record, details);
  else writeNew(path, { ...record, liveness: "flock", ...details });
  try {
    // A master that cleans up may be looking at the file just now.
    owned ??= locks?.lock(path);
    if (owned === undefined) return undefined;
    const linked = link(path);
    const { release } = owned;
    owned = undefined;
    return { linked, release };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  } finally {
    owned?.release();
    removeQuietly(path);
  }
}

/** A new file that stays open as long as its owner lives. */
function heldOpen(
  path: string,
  name: string,
  identity: ProcessIdentity,
  record: object,
  details: object,
): Claim {
  const descriptor = openSync(path, "ax", 0o644);
  try {
    const open = { descriptor, name };
    // Where it cannot be seen now, it would seem closed later.
    const isSeen = identity.hasOpen?.(identity.pid, open) === true;
    const proof = { liveness: "pid", ...isSeen && { open } };
    writeFileSync(descriptor, textOf({ ...record, ...proof, ...details }));
  } catch (error) {
    closeSync(descriptor);
    removeQuietly(path);
    throw error;
  }
  let isHeld = true;
  return {
    release() {
      if (!isHeld) return;
      isHeld = false;
      try {
        writeSync(descriptor, ENDED);
      } catch {
        // The disk is full or gone. That the file is not open any more says the same, where seen.
      }
      closeSync(descriptor);
    },
  };
}

function writeNew(path: string, record: object): void {
  try {
    writeFileSync(path, textOf(record), { flag: "wx", mode: 0o644 });
  } catch (error) {
    removeQuietly(path);
    throw error;
  }
}

function textOf(record: object): string {
  return JSON.stringify(record) + "\n";
}

/** Reads a claim file. @throws {Error} When it cannot be read or is not one */
export function readClaim(path: string): ClaimRecord & Readonly<Record<string, unknown>> {
  const text = readFileSync(path, "utf8");
  const end = text.indexOf("\n") + 1 || text.length;
  const record: unknown = JSON.parse(text.slice(0, end));
  if (!isClaimRecord(record)) throw new Error("not a claim file");
  return { ...record, ended: text.length > end };
}

function isClaimRecord(value: unknown): value is ClaimRecord & Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Record<string, unknown>;
  return Number.isInteger(record.pid) && record.formatVersion === FORMAT_VERSION &&
    (record.liveness === "flock" || record.liveness === "pid") && isOpenFile(record.open);
}

function isOpenFile(value: unknown): boolean {
  if (value === undefined) return true;
  const { descriptor, name } = (value ?? {}) as Record<string, unknown>;
  return Number.isSafeInteger(descriptor) && typeof name === "string";
}

/** The part of a record that says which process it is. */
export function describeProcess(
  identity: ProcessIdentity,
): Pick<ClaimRecord, "pid" | "startTicks" | "bootId" | "pidNamespace"> {
  const startTicks = identity.startTicks(identity.pid);
  return {
    pid: identity.pid,
    startTicks: typeof startTicks === "number" ? startTicks : null,
    bootId: identity.bootId ?? null,
    pidNamespace: identity.pidNamespace ?? null,
  };
}
