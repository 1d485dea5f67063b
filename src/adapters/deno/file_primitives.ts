/**
 * What the filesystem driver needs of Deno.
 *
 * @module
 */
import type { FileMapper, FilePrimitives } from "../../storage/filesystem/primitives.ts";
import {
  pidIdentity,
  type ProcessIdentity,
  procIdentity,
} from "../../storage/filesystem/process_identity.ts";
import { createFileLocks } from "../libc/flock.ts";
import type { ForeignFunctions } from "../libc/foreign_functions.ts";
import { openMapper } from "../libc/mapper.ts";
import { openWriterCheck } from "../libc/writer_check.ts";
import { foreignFunctions } from "./libc.ts";

/** `flock(2)` through `Deno.FsFile`: read and write permission is all it takes. */
const LOCKS = createFileLocks<Deno.FsFile>({
  open: (path, exclusively) => Deno.openSync(path, { read: true, write: exclusively }),
  tryLock: (file, exclusively) => file.tryLockSync(exclusively),
  inode: (file) => file.statSync().ino,
  unlock: (file) => file.unlockSync(),
  close: (file) => file.close(),
});

/**
 * The primitives on Deno. Whether files are mapped is decided once, at the first look.
 *
 * Permission: `ffi`, for mapped files; it is not asked for when it was not given.
 */
export const denoFilePrimitives: FilePrimitives = {
  get identity() {
    return identity ??= readIdentity();
  },
  locks: LOCKS,
  get mapper() {
    mapper ??= { opened: withFunctions(openMapper) };
    return mapper.opened;
  },
  get hasWriters() {
    writerCheck ??= { opened: withFunctions(openWriterCheck) };
    return writerCheck.opened;
  },
};

let identity: ProcessIdentity | undefined;
let mapper: { readonly opened: FileMapper | undefined } | undefined;
let writerCheck: { readonly opened: FilePrimitives["hasWriters"] } | undefined;

function withFunctions<T>(open: (foreign: ForeignFunctions) => T): T | undefined {
  const foreign = foreignFunctions();
  return foreign && open(foreign);
}

/** Without permission to read everywhere, Deno would ask on the terminal before it refuses. */
function readIdentity(): ProcessIdentity {
  const mayRead = Deno.permissions.querySync({ name: "read" }).state === "granted";
  return mayRead ? procIdentity(Deno.pid) : pidIdentity(Deno.pid);
}
