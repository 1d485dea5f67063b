/**
 * What the filesystem driver needs of Node.
 *
 * @module
 */
import type { FileLocks, FileMapper, FilePrimitives } from "../../storage/filesystem/primitives.ts";
import type { ProcessIdentity } from "../../storage/filesystem/process_identity.ts";
import { openMapper } from "../libc/mapper.ts";
import { openWriterCheck } from "../libc/writer_check.ts";
import { openLocks } from "./file_locks.ts";
import { foreignFunctions } from "./libc.ts";
import { nodeIdentity } from "./process_identity.ts";

/** What takes functions of the C library. */
interface Foreign {
  readonly locks: FileLocks | undefined;
  readonly mapper: FileMapper | undefined;
  readonly hasWriters: FilePrimitives["hasWriters"];
}

/**
 * The primitives on Node. With `koffi` files are mapped and locked; whether it is there is found out
 * once, at the first look. Without it, files are written every 100 ms, and life is proved by pid.
 */
export const nodeFilePrimitives: FilePrimitives = {
  get identity() {
    return identity ??= nodeIdentity();
  },
  get locks() {
    return openForeign().locks;
  },
  get mapper() {
    return openForeign().mapper;
  },
  get hasWriters() {
    return openForeign().hasWriters;
  },
};

let identity: ProcessIdentity | undefined;
let opened: Foreign | undefined;

function openForeign(): Foreign {
  if (opened !== undefined) return opened;
  const foreign = foreignFunctions();
  const locks = foreign && openLocks(foreign);
  return opened = {
    locks,
    // Mapped memory is what nobody may fold while it is written: life has to be proved by a lock.
    mapper: foreign && locks && openMapper(foreign),
    hasWriters: foreign && openWriterCheck(foreign),
  };
}
