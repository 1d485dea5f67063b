/**
 * Mapped files: `mmap` of the system's C library.
 *
 * @module
 */
import type { FileMapper } from "../../storage/filesystem/primitives.ts";
import {
  type ForeignFunctions,
  type Functions,
  LINUX_LIBC,
  pathBytes,
} from "./foreign_functions.ts";

const O_RDWR = 2;
const PROT_READ_AND_WRITE = 3;
const MAP_SHARED = 1;
/** What mmap returns when it fails: -1 as a pointer. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

const SIGNATURES = {
  // Variadic, but called without the mode: files exist already.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
} as const;

/** A system's way to the same end. */
interface System {
  readonly functions: Functions<typeof SIGNATURES>;
  /** `O_CLOEXEC`: child processes do not inherit the file. */
  readonly closeOnExec: number;
  /** Reserves blocks of an open file; a mapped write to a hole on a full disk is SIGBUS. */
  reserve(file: number, offset: number, length: number): void;
}

/** The mapper of this system; `undefined` where there is none (Windows). */
export function openMapper(foreign: ForeignFunctions): FileMapper | undefined {
  const system = foreign.system === "linux"
    ? openLinux(foreign)
    : foreign.system === "darwin"
    ? openMacos(foreign)
    : undefined;
  if (system === undefined) return undefined;
  return { map: (path, offset, length) => map(foreign, system, path, offset, length) };
}

function map(
  foreign: ForeignFunctions,
  system: System,
  path: string,
  offset: number,
  length: number,
): ArrayBuffer {
  const { open, close, mmap } = system.functions;
  const file = open(pathBytes(path), O_RDWR | system.closeOnExec);
  if (file < 0) throw new Error(`open(2) failed for ${JSON.stringify(path)}`);
  try {
    system.reserve(file, offset, length);
    const pointer = mmap(
      null,
      BigInt(length),
      PROT_READ_AND_WRITE,
      MAP_SHARED,
      file,
      BigInt(offset),
    );
    if (pointer === null || foreign.address(pointer) === MAP_FAILED) {
      throw new Error(`mmap(2) of ${length} bytes failed for ${JSON.stringify(path)}`);
    }
    return foreign.memory(pointer, length);
  } finally {
    close(file); // the mapping stays
  }
}

/** Error numbers of Linux that a disk gives; others are named by number. */
const ERROR_CODES: ReadonlyMap<number, string> = new Map([
  [28, "ENOSPC"],
  [30, "EROFS"],
  [122, "EDQUOT"],
]);

const EINTR = 4;

function openLinux(foreign: ForeignFunctions): System | undefined {
  const functions = foreign.open(LINUX_LIBC, {
    ...SIGNATURES,
    posix_fallocate: { parameters: ["i32", "i64", "i64"], result: "i32" },
  });
  if (functions === undefined) return undefined;
  return {
    functions,
    closeOnExec: 0o2000000,
    reserve(file, offset, length) {
      let number: number;
      do {
        number = functions.posix_fallocate(file, BigInt(offset), BigInt(length));
      } while (number === EINTR);
      if (number === 0) return;
      const code = ERROR_CODES.get(number) ?? `error ${number}`;
      throw Object.assign(new Error(`${code}: posix_fallocate(3) of ${length} bytes`), { code });
    },
  };
}

const F_PREALLOCATE = 42;
const F_ALLOCATEALL = 4;
const F_PEOFPOSMODE = 3;

function openMacos(foreign: ForeignFunctions): System | undefined {
  // fcntl is variadic: on arm64 its third argument is on the stack, which begins with the ninth of
  // a call that is not; on x86_64 it is in the third register. It is passed in both places.
  const functions = foreign.open(["libSystem.B.dylib"], {
    ...SIGNATURES,
    fcntl: {
      parameters: ["i32", "i32", "buffer", "i64", "i64", "i64", "i64", "i64", "buffer"],
      result: "i32",
    },
    ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  });
  if (functions === undefined) return undefined;
  return {
    functions,
    closeOnExec: 0x1000000,
    reserve(file, offset, length) {
      // fstore_t: flags, posmode, offset, length, bytesalloc. Whole blocks after the last one.
      const store = new DataView(new ArrayBuffer(32));
      store.setUint32(0, F_ALLOCATEALL, true);
      store.setInt32(4, F_PEOFPOSMODE, true);
      store.setBigInt64(16, BigInt(length), true);
      const bytes = new Uint8Array(store.buffer);
      const { fcntl, ftruncate } = functions;
      if (
        fcntl(file, F_PREALLOCATE, bytes, 0n, 0n, 0n, 0n, 0n, bytes) < 0 ||
        ftruncate(file, BigInt(offset + length)) < 0
      ) {
        const code = "ENOSPC";
        throw Object.assign(new Error(`${code}: fcntl(2) of ${length} bytes`), { code });
      }
    },
  };
}
