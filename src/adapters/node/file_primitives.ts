/**
 * What the filesystem driver needs of Node.
 *
 * @module
 */
import process from "node:process";
import type { FilePrimitives } from "../../storage/filesystem/primitives.ts";
import { type ProcessIdentity, procIdentity } from "../../storage/filesystem/process_identity.ts";

/** The primitives on Node. */
export const nodeFilePrimitives: FilePrimitives = {
  get identity() {
    return identity ??= procIdentity(process.pid);
  },
  locks: undefined,
  mapper: undefined,
};

let identity: ProcessIdentity | undefined;
